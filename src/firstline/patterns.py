"""A team's own mask patterns: regular expressions that RE2 runs, so that none of them backtracks.

Python's `re` tries a pattern again for each way in which it can match: `(\\d+)+X` on 35 digits takes hours. The time
of RE2 grows with the text alone. It has no look-around, though, and its `\\w`, `\\d` and `\\b` know ASCII only. So
`\\w` and `\\d` are written as classes of Unicode, and an edge, the look-around of one character at the start or the
end of a pattern, is written as that character, beside the group that is the match. `\\b` is such an edge: no letter,
digit or underscore stands before the match, or behind it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import re2

_MAX_MEMORY_BYTES = 32 << 20
_WORD, _DIGIT = r"\pL\pN_", r"\p{Nd}"
_OUTSIDE = {r"\w": f"[{_WORD}]", r"\W": f"[^{_WORD}]", r"\d": _DIGIT, r"\D": r"\P{Nd}", r"\Z": r"\z"}
_INSIDE = {r"\w": _WORD, r"\d": _DIGIT, r"\D": r"\P{Nd}"}
_LETTERS = {r"[^\W\d_]": r"\pL", r"[^\W\d]": r"[\pL_]", r"[^\W_]": r"[\pL\pN]", r"[\W_]": r"[^\pL\pN]"}
"""Usual classes that are differences or unions with `\\W`, which RE2 cannot write as they stand."""

_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
_CODE = r"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}"
_PIECE = re.compile(rf"{_CODE}|\\.|{_CLASS}|\(\?<?[=!]|\{{,\d+\}}|.", re.DOTALL)
_IN_CLASS = re.compile(rf"{_CODE}|\\.|.", re.DOTALL)
_SIGN = rf"(?P<sign>{_CODE}|\\.|{_CLASS}|[^\\\[\]()|*+?.^$])"
_BEFORE = re.compile(rf"\\b|\(\?<(?P<kind>[=!]){_SIGN}\)", re.DOTALL)
_AFTER = re.compile(rf"\\b|\(\?(?P<kind>[=!]){_SIGN}\)", re.DOTALL)
_FLAGS = re.compile(r"\(\?[a-zA-Z]+\)")


class PatternRefused(ValueError):
    """A pattern that RE2 cannot run; the message says why and what to write instead."""


class _Edge(NamedTuple):
    """The character that stands beside a match, for RE2, and whether the end of the text does as well."""

    sign: str
    takes_end: bool


@dataclass(frozen=True)
class OwnPattern:
    """A pattern for RE2; group 1 is the match. `first` looks from the start of a text, `later` behind a match."""

    first: Any
    later: Any
    has_edge_before: bool

    def split(self, text: str) -> list[str]:
        """What stands before, between and behind the matches that are not empty: one part more than matches."""
        data = text.encode("utf-8", "surrogatepass")
        parts, end = [], 0
        for start, match_end in self._spans(data):
            parts.append(data[end:start])
            end = match_end
        return [part.decode("utf-8", "surrogatepass") for part in (*parts, data[end:])]

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        found = self.first.search(data)
        while found is not None:
            start, end = found.span(1)
            if start == end:
                at = end if self.has_edge_before else _next_character(data, end)
            else:
                yield start, end
                # The last character of a match is what stands before the next one.
                at = _last_character(data, end) if self.has_edge_before else end
            if at >= len(data):
                return
            found = self.later.search(data, at)


def _last_character(data: bytes, end: int) -> int:
    at = end - 1
    while data[at] & 0xC0 == 0x80:
        at -= 1
    return at


def _next_character(data: bytes, at: int) -> int:
    at += 1
    while at < len(data) and data[at] & 0xC0 == 0x80:
        at += 1
    return at


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> OwnPattern:
    """The pattern for RE2. Raises `PatternRefused`, and what `re.compile` raises if it is not a pattern."""
    re.compile(pattern)
    flags = found[0] if (found := _FLAGS.match(pattern)) else ""
    body = pattern[len(flags) :]
    before, after = None, None
    if found := _BEFORE.match(body):
        before, body = _edge(found), body[found.end() :]
    if found := _edge_after(body):
        after, body = _edge(found), body[: found.start()]
    if (before or after) and _has_alternatives(body):
        raise PatternRefused(r"has alternatives between its edges: put them into a group, \b(?:a|b)\b")
    match = f"({_for_re2(body)})" + (_written(after, r"\z") if after else "")
    first = f"{flags}{_written(before, chr(92) + 'A') if before else ''}{match}"
    later = f"{flags}{before.sign if before else ''}{match}"
    return OwnPattern(_compiled(first), _compiled(later), before is not None)


def _edge_after(body: str) -> re.Match[str] | None:
    """The edge at the end of a pattern."""
    at = 0
    while at < len(body):
        if (found := _AFTER.match(body, at)) and found.end() == len(body):
            return found
        piece = _PIECE.match(body, at)
        at = piece.end() if piece else len(body)
    return None


def _edge(found: re.Match[str]) -> _Edge:
    if found["kind"] is None:
        return _Edge(f"[^{_WORD}]", takes_end=True)
    sign = _for_re2(found["sign"])
    if found["kind"] == "=":
        return _Edge(sign, takes_end=False)
    if sign.startswith("["):
        sign = sign[2:-1] if sign.startswith("[^") else f"^{sign[1:-1]}"
        return _Edge(f"[{sign}]", takes_end=True)
    return _Edge(f"[^{sign}]", takes_end=True)


def _written(edge: _Edge, end: str) -> str:
    # The end of the text first: otherwise the first character of a match at the start would count as what is before it.
    return f"(?:{end}|{edge.sign})" if edge.takes_end else edge.sign


def _has_alternatives(body: str) -> bool:
    depth = 0
    for piece in _PIECE.findall(body):
        depth += piece.startswith("(")
        depth -= piece == ")"
        if piece == "|" and depth == 0:
            return True
    return False


def _for_re2(body: str) -> str:
    """Raises `PatternRefused` for what RE2 has no words for."""
    return "".join(_piece_for_re2(piece) for piece in _PIECE.findall(body))


def _piece_for_re2(piece: str) -> str:
    if piece.startswith("(?<") or piece in ("(?=", "(?!"):
        raise PatternRefused(
            r"looks around inside: only one character, such as (?<!\d) at its start and (?!\d) at its end, can be"
            r" looked at"
        )
    if piece in (r"\b", r"\B"):
        raise PatternRefused(rf"has {piece} inside: \b may stand at its start and at its end")
    if re.fullmatch(r"\\[1-9]", piece):
        raise PatternRefused("refers back to a group, such as \\1: write out what may stand there")
    if piece.startswith("[") and len(piece) > 1:
        return _class_for_re2(piece)
    if piece.startswith("{,"):
        return "{0" + piece[1:]
    return _OUTSIDE.get(piece) or _code_for_re2(piece)


def _class_for_re2(piece: str) -> str:
    if piece in _LETTERS:
        return _LETTERS[piece]
    if r"\W" in piece:
        raise PatternRefused(rf"has \W in a class: of those only {', '.join(_LETTERS)} can be run")
    opening = "[^" if piece.startswith("[^") else "["
    inner = piece[len(opening) : -1]
    return opening + "".join(_INSIDE.get(sign) or _code_for_re2(sign) for sign in _IN_CLASS.findall(inner)) + "]"


def _code_for_re2(piece: str) -> str:
    return rf"\x{{{piece[2:]}}}" if re.fullmatch(_CODE, piece) else piece


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.max_mem = _MAX_MEMORY_BYTES
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PatternRefused(f"cannot be run by RE2 ({error}): write it with fewer repeats or simpler signs") from None
