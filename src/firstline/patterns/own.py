"""A pattern that RE2 runs."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import re2

from firstline.patterns.characters import marked, unmarked
from firstline.patterns.writing import PARSER, TOO_LARGE, PatternRefused, Writer, edges, has_boundary, unknown

_MAX_MEMORY_BYTES = 32 << 20


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
        data = (marked(text) if self.is_marked else text).encode("utf-8", "surrogatepass")
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
        return unmarked(text) if self.is_marked else text


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> OwnPattern:
    """The pattern for RE2. Raises `PatternRefused`, and what `re.compile` raises."""
    re.compile(pattern)
    parsed = PARSER.parse(pattern)
    flags = parsed.state.flags
    items = list(parsed)
    is_marked = has_boundary(items, flags)
    before, inner, after = edges(items)
    writer = Writer(is_marked)
    behind, ahead = writer.edge(before, flags, r"\A"), writer.edge(after, flags, r"\z")
    body = writer.sequence(inner, flags)
    later = rf"(?:{behind[0]})({body}){_either(ahead)}" if before or after else body
    first = rf"{_either(behind)}({body}){_either(ahead)}" if before or after else body
    possible = Writer(is_marked=False, has_edges=False).sequence(inner, flags)
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
        raise PatternRefused(TOO_LARGE if "too large" in told or "repetition" in told else unknown(told)) from None


def _either(edge: tuple[str, str]) -> str:
    return f"(?:{'|'.join(filter(None, edge))})" if any(edge) else ""
