"""Classes of characters: what Python finds for one, as ranges, and how RE2 is told of them."""

import re
from functools import lru_cache

HIGHEST = 0x10FFFF
_ASSIGNED = ((0, 0x3FFFF), (0xE0000, 0xE0FFF))
_UNASSIGNED = ((0x40000, 0xDFFFF), (0xE1000, HIGHEST))
_UNDERSCORE = "\ufffe"  # stands for the underscore in a marked text; no character of Unicode
_NOTHING = rf"[^\x{{0}}-\x{{{HIGHEST:x}}}]"
_SURROGATES = ((0xD800, 0xDFFF),)
_LINE = ((ord("_"), ord("_")),)

Ranges = tuple[tuple[int, int], ...]
"""Code points, as (first, last), in order."""


def escaped(code: int) -> str:
    """A character as Python's `re` reads it, whatever it means there."""
    return f"\\U{code:08x}"


@lru_cache(maxsize=1_024)
def ranges_of(written: str, flags: int) -> Ranges:
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
def either_case(code: int, flags: int) -> Ranges:
    """The characters that Python finds for a letter under `(?i)`."""
    compiled = re.compile(escaped(code), flags)
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
def _marked() -> Ranges:
    """Letters, digits and the underscore, but for what ASCII's `\\w` has."""
    return ranges_of(r"[^\W0-9A-Za-z]", 0)


class _Marks(dict[int, str]):
    """For `str.translate`: a character as it stands in a marked text."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        is_word = not sign.isascii() and sign.isalnum()
        self[code] = written = f"_{sign}_" if is_word else sign
        return written


_MARKS = _Marks({ord("_"): f"_{_UNDERSCORE}_", ord(_UNDERSCORE): "\ufffd"})


def without(these: Ranges, those: Ranges) -> Ranges:
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


def plain_class(ranges: Ranges) -> str:
    """One character of these, for RE2."""
    ranges = without(ranges, _SURROGATES)
    if not ranges:
        return _NOTHING
    written = "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges)
    return f"[{written}]"


def marked_class(ranges: Ranges) -> str:
    """One character of these in a marked text."""
    plain = without(ranges, _marked())
    inside = without(without(ranges, plain), _LINE)
    if not without(_LINE, ranges):
        inside += ((ord(_UNDERSCORE), ord(_UNDERSCORE)),)
    written = [plain_class(plain)] if plain else []
    written += [f"_{plain_class(inside)}_"] if inside else []
    return f"(?:{'|'.join(written)})" if written else _NOTHING


def marked(text: str) -> str:
    """The text with every letter, digit or underscore that is not of ASCII's letters and digits between underscores."""
    return text.translate(_MARKS)


def unmarked(text: str) -> str:
    """A marked text, or a part of it, as it was."""
    return text.replace("_", "").replace(_UNDERSCORE, "_")
