"""A team's own mask patterns: written as for Python's `re`, run by RE2, so that none of them backtracks.

`re` tries a pattern again for each way in which it can match: `(\\d+)+X` on 35 digits takes hours. RE2 takes a time
that grows with the text alone. Its `\\d`, `\\w`, `\\b` and upper case are those of ASCII, though, so Python parses
the pattern, and it is written anew for RE2, each class of characters as the ranges that Python finds for it.

`\\b` knows ASCII only in RE2. For a pattern that has it, the text is marked: each letter, digit or underscore
that is not an ASCII letter or digit stands between two underscores, so that RE2 sees a word there as Python does.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import re2

_MAX_MEMORY_BYTES = 32 << 20
_MOST_REPEATS = 1_000
_HIGHEST = 0x10FFFF
_ASSIGNED = ((0, 0x3FFFF), (0xE0000, 0xE0FFF))
_UNASSIGNED = ((0x40000, 0xDFFFF), (0xE1000, _HIGHEST))
_UNDERSCORE = "\ufffe"  # stands for the underscore in a marked text; no character of Unicode
_NOTHING = rf"[^\x{{0}}-\x{{{_HIGHEST:x}}}]"
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_PARSER: Any = import_module("re._parser")
_Ranges = tuple[tuple[int, int], ...]
"""Code points, as (first, last), in order."""


class PatternRefused(ValueError):
    """A pattern that RE2 cannot run; the message says of which kind it is and what to write instead."""


@dataclass(frozen=True)
class OwnPattern:
    """A pattern that was compiled; `later` looks for a match behind another one.

    `possible` is the pattern without its edges and look-around: where it finds nothing, neither does the pattern.
    It needs no marks, which take longer than to search.
    """

    possible: str
    first: Any
    later: Any
    is_marked: bool
    looks_back: bool
    group: int

    def split(self, text: str) -> list[str]:
        """What stands before, between and behind the matches that are not empty: one part more than matches."""
        if self.is_marked and not _compiled(self.possible).search(text.encode("utf-8", "surrogatepass")):
            return [text]
        data = (text.translate(_MARKS) if self.is_marked else text).encode("utf-8", "surrogatepass")
        parts = []
        end = 0
        for start, found_end in self._spans(data):
            parts.append(data[end:start])
            end = found_end
        return [self._plain(part) for part in (*parts, data[end:])]

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        pattern, at = self.first, 0
        while (found := pattern.search(data, at)) is not None:
            start, end = found.span(self.group)
            if end > start:
                yield start, end
                at = end - self._size_before(data, end) if self.looks_back else end
            elif end < len(data):
                at = found.end() + (found.end() == at)
                while at < len(data) and data[at] & 0xC0 == 0x80:
                    at += 1
            else:
                return
            pattern = self.later

    def _size_before(self, data: bytes, end: int) -> int:
        """How many bytes the character before `end` takes."""
        if self.is_marked and data[end - 1] == ord("_"):
            return end - data.rindex(b"_", 0, end - 1)
        start = end - 1
        while data[start] & 0xC0 == 0x80:
            start -= 1
        return end - start

    def _plain(self, part: bytes) -> str:
        text = part.decode("utf-8", "surrogatepass")
        return text.replace("_", "").replace(_UNDERSCORE, "_") if self.is_marked else text


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> OwnPattern:
    """The pattern for RE2. Raises `PatternRefused`, and what `re.compile` raises."""
    re.compile(pattern)
    parsed = _PARSER.parse(pattern)
    flags = parsed.state.flags
    items = list(parsed)
    is_marked = _has_boundary(items, flags)
    before, inner, after = _edges(items)
    writer = _Writer(is_marked)
    behind, ahead = writer.edge(before, flags, r"\A"), writer.edge(after, flags, r"\z")
    body = writer.sequence(inner, flags)
    later = rf"(?:{behind[0]})({body}){_either(ahead)}" if before or after else body
    first = rf"{_either(behind)}({body}){_either(ahead)}" if before or after else body
    possible = _Writer(is_marked=False, has_edges=False).sequence(inner, flags)
    return OwnPattern(
        possible, _compiled(first), _compiled(later), is_marked, bool(before), 1 if before or after else 0
    )


@lru_cache(maxsize=256)
def any_possible(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells in one go whether any of these patterns may find something in a text. Raises as `compile_pattern`."""
    together = "|".join(f"(?:{compile_pattern(pattern).possible})" for pattern in patterns)
    try:
        compiled = _compiled(together)
    except PatternRefused:  # too large together
        return bool
    return lambda text: compiled.search(text.encode("utf-8", "surrogatepass")) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        told = str(error)
        raise PatternRefused(_TOO_LARGE if "too large" in told or "repetition" in told else _unknown(told)) from None


_LOOK_AROUND = (
    r"looks around in a way that is not taken: (?<!\d) may stand at its very start and (?!\d) at its very end, each"
    r" of one character; write \b for the edge of a word"
)
_BACK_REFERENCE = r"refers back to a group, such as \1: write out what may stand there"
_POSSESSIVE = r"has a possessive repeat or an atomic group, such as \d++: write \d+, no pattern backtracks here"
_CONDITIONAL = "depends on whether a group matched, as (?(1)a|b) does: write two patterns"
_TOO_OFTEN = f"repeats something more than {_MOST_REPEATS:,} times: write + or *"
_TOO_LARGE = "is too large: repeat fewer times, or write two patterns"
_MIXED_BOUNDARIES = r"has \b both with (?a) and without: write one of them"


def _unknown(why: str) -> str:
    return f"cannot be run by RE2: {why}"


def _name(op: object) -> str:
    return str(op)


def _edges(items: list[Any]) -> tuple[Any, list[Any], Any]:
    """Look-around of one character at the start and at the end, and what is between."""
    before = after = None
    if items and _name(items[0][0]) in ("ASSERT", "ASSERT_NOT") and items[0][1][0] < 0:
        before, items = items[0], items[1:]
    if items and _name(items[-1][0]) in ("ASSERT", "ASSERT_NOT") and items[-1][1][0] > 0:
        after, items = items[-1], items[:-1]
    return before, items, after


def _either(edge: tuple[str, str]) -> str:
    return f"(?:{'|'.join(filter(None, edge))})" if any(edge) else ""


def _has_boundary(items: Sequence[Any], flags: int) -> bool:
    """Whether `\\b` or `\\B` is in it, that of all letters."""
    for op, value in items:
        if _name(op) == "AT" and _name(value) in ("AT_BOUNDARY", "AT_NON_BOUNDARY") and not flags & re.ASCII:
            return True
        if any(_has_boundary(list(inner), inner_flags) for inner, inner_flags in _inner(_name(op), value, flags)):
            return True
    return False


def _inner(op: str, value: Any, flags: int) -> Iterator[tuple[Any, int]]:
    match op:
        case "BRANCH":
            yield from ((branch, flags) for branch in value[1])
        case "SUBPATTERN":
            yield value[3], (flags | value[1]) & ~value[2]
        case "MAX_REPEAT" | "MIN_REPEAT":
            yield value[2], flags


@dataclass
class _Writer:
    """Writes a parsed pattern for RE2; without its edges of words and of the text if not `has_edges`."""

    is_marked: bool
    has_edges: bool = True

    def sequence(self, items: Sequence[Any], flags: int) -> str:
        return "".join(self._item(_name(op), value, flags) for op, value in items)

    def edge(self, item: Any, flags: int, end: str) -> tuple[str, str]:
        """What look-around of one character takes instead of it: a character, or also the end of the text."""
        if item is None:
            return "", ""
        inner = list(item[1][1])
        if len(inner) != 1 or _name(inner[0][0]) not in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            raise PatternRefused(_LOOK_AROUND)
        written = _as_python(_name(inner[0][0]), inner[0][1])
        ranges = _ranges(written, flags & _MEANING)
        if _name(item[0]) == "ASSERT":
            return self._class(ranges), ""
        return self._class(_without(((0, _HIGHEST),), ranges)), end

    def _item(self, op: str, value: Any, flags: int) -> str:
        match op:
            case "LITERAL":
                is_exact = not flags & re.IGNORECASE
                return self._class(((value, value),) if is_exact else _either_case(value, flags & _MEANING))
            case "NOT_LITERAL" | "ANY" | "IN":
                return self._class(_ranges(_as_python(op, value), flags & _MEANING))
            case "BRANCH":
                return f"(?:{'|'.join(self.sequence(branch, flags) for branch in value[1])})"
            case "SUBPATTERN":
                return f"(?:{self.sequence(value[3], (flags | value[1]) & ~value[2])})"
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(op, value, flags)
            case "AT":
                return self._place(_name(value), flags)
        raise PatternRefused(_REFUSED.get(op, _unknown(op.lower())))

    def _repeat(self, op: str, value: Any, flags: int) -> str:
        least, most, inner = value
        is_open = most == _PARSER.MAXREPEAT
        if max(least, 0 if is_open else most) > _MOST_REPEATS:
            raise PatternRefused(_TOO_OFTEN)
        times = f"{{{least},}}" if is_open else f"{{{least},{most}}}"
        return f"(?:{self.sequence(inner, flags)}){times}{'?' if op == 'MIN_REPEAT' else ''}"

    def _place(self, place: str, flags: int) -> str:
        if not self.has_edges:
            return ""
        if place in ("AT_BOUNDARY", "AT_NON_BOUNDARY"):
            if self.is_marked and flags & re.ASCII:
                raise PatternRefused(_MIXED_BOUNDARIES)
            return r"\b" if place == "AT_BOUNDARY" else r"\B"
        # A masked text is on one line.
        return r"\A" if place.startswith("AT_BEGINNING") else r"\z"

    def _class(self, ranges: _Ranges) -> str:
        if not self.is_marked:
            return _class(ranges)
        plain = _without(ranges, _marked())
        inside = _without(_without(ranges, plain), _LINE)
        if _without(_LINE, ranges) == ():
            inside += ((ord(_UNDERSCORE), ord(_UNDERSCORE)),)
        written = [_class(plain)] if plain else []
        written += [f"_{_class(inside)}_"] if inside else []
        return f"(?:{'|'.join(written)})" if written else _NOTHING


_MEANING = re.IGNORECASE | re.ASCII | re.DOTALL
_LINE: _Ranges = ((ord("_"), ord("_")),)
_REFUSED = {
    "ASSERT": _LOOK_AROUND,
    "ASSERT_NOT": _LOOK_AROUND,
    "GROUPREF": _BACK_REFERENCE,
    "GROUPREF_EXISTS": _CONDITIONAL,
    "POSSESSIVE_REPEAT": _POSSESSIVE,
    "ATOMIC_GROUP": _POSSESSIVE,
}


def _as_python(op: str, value: Any) -> str:
    """One character of a parsed pattern, as Python's `re` reads it."""
    match op:
        case "ANY":
            return "."
        case "LITERAL":
            return _escaped(value)
        case "NOT_LITERAL":
            return f"[^{_escaped(value)}]"
    is_negated = _name(value[0][0]) == "NEGATE"
    items = [_class_item(_name(kind), item) for kind, item in value[is_negated:]]
    return f"[{'^' if is_negated else ''}{''.join(items)}]"


def _class_item(kind: str, item: Any) -> str:
    if kind == "CATEGORY":
        return _CATEGORIES[_name(item)]
    return f"{_escaped(item[0])}-{_escaped(item[1])}" if kind == "RANGE" else _escaped(item)


def _escaped(code: int) -> str:
    return f"\\U{code:08x}"


@lru_cache(maxsize=1_024)
def _ranges(written: str, flags: int) -> _Ranges:
    """The characters that Python finds for one character of a pattern."""
    compiled = re.compile(f"(?:{written})+", flags)
    found = []
    for first, last in _ASSIGNED:
        spans = compiled.finditer(_characters(first, last))
        found += [(first + one.start(), first + one.end() - 1) for one in spans]
    # Nothing of these planes is assigned, so that one of each speaks for all.
    found += [(first, last) for first, last in _UNASSIGNED if compiled.match(chr(last))]
    return tuple(sorted(found))


@lru_cache(maxsize=1_024)
def _either_case(code: int, flags: int) -> _Ranges:
    """The characters that Python finds for a letter under `(?i)`."""
    compiled = re.compile(_escaped(code), flags)
    return tuple((found, found) for found in sorted({code, *_cased()}) if compiled.match(chr(found)))


@lru_cache(maxsize=2)
def _characters(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


@lru_cache(maxsize=1)
def _cased() -> tuple[int, ...]:
    """The characters that have an upper or a lower case; none lies higher."""
    every = _characters(0, 0x1FFFF)
    return tuple(code for code, sign in enumerate(every) if sign.lower() != sign or sign.upper() != sign)


@lru_cache(maxsize=1)
def _marked() -> _Ranges:
    """Letters, digits and the underscore, but for what ASCII's `\\w` has."""
    return _ranges(r"[^\W0-9A-Za-z]", 0)


class _Marks(dict[int, str]):
    """For `str.translate`: a character as it stands in a marked text."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        is_word = not sign.isascii() and sign.isalnum()
        self[code] = written = f"_{sign}_" if is_word else sign
        return written


_MARKS = _Marks({ord("_"): f"_{_UNDERSCORE}_", ord(_UNDERSCORE): "\ufffd"})


def _without(these: _Ranges, those: _Ranges) -> _Ranges:
    """The characters of `these` that are not in `those`."""
    found = []
    for first, last in these:
        at = first
        for other_first, other_last in those:
            if other_last < at or other_first > last:
                continue
            if at < other_first:
                found.append((at, other_first - 1))
            at = other_last + 1
        if at <= last:
            found.append((at, last))
    return tuple(found)


_SURROGATES: _Ranges = ((0xD800, 0xDFFF),)


def _class(ranges: _Ranges) -> str:
    ranges = _without(ranges, _SURROGATES)
    if not ranges:
        return _NOTHING
    written = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return f"[{written}]"
