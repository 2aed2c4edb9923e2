"""Writes a pattern that Python has parsed for RE2, or refuses it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from firstline.patterns.characters import (
    HIGHEST,
    Ranges,
    either_case,
    escaped,
    marked_class,
    plain_class,
    ranges_of,
    without,
)

PARSER: Any = import_module("re._parser")
_MOST_REPEATS = 1_000
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}

_LOOK_AROUND = (
    r"looks around in a way that is not taken: (?<!\d) may stand at its very start and (?!\d) at its very end, each"
    r" of one character; write \b for the edge of a word"
)
_BACK_REFERENCE = r"refers back to a group, such as \1: write out what may stand there"
_POSSESSIVE = r"has a possessive repeat or an atomic group, such as \d++: write \d+, no pattern backtracks here"
_CONDITIONAL = "depends on whether a group matched, as (?(1)a|b) does: write two patterns"
_TOO_OFTEN = f"repeats something more than {_MOST_REPEATS:,} times: write + or *"
TOO_LARGE = "is too large: repeat fewer times, or write two patterns"
_MIXED_BOUNDARIES = r"has \b both with (?a) and without: write one of them"

_MEANING = re.IGNORECASE | re.ASCII | re.DOTALL
_REFUSED = {
    "ASSERT": _LOOK_AROUND,
    "ASSERT_NOT": _LOOK_AROUND,
    "GROUPREF": _BACK_REFERENCE,
    "GROUPREF_EXISTS": _CONDITIONAL,
    "POSSESSIVE_REPEAT": _POSSESSIVE,
    "ATOMIC_GROUP": _POSSESSIVE,
}


class PatternRefused(ValueError):
    """A pattern that RE2 cannot run; the message says of which kind it is and what to write instead."""


def unknown(why: str) -> str:
    return f"cannot be run by RE2: {why}"


def _name(op: object) -> str:
    return str(op)


def edges(items: list[Any]) -> tuple[Any, list[Any], Any]:
    """Look-around of one character at the start and at the end, and what is between."""
    before = after = None
    if items and _name(items[0][0]) in ("ASSERT", "ASSERT_NOT") and items[0][1][0] < 0:
        before, items = items[0], items[1:]
    if items and _name(items[-1][0]) in ("ASSERT", "ASSERT_NOT") and items[-1][1][0] > 0:
        after, items = items[-1], items[:-1]
    return before, items, after


def has_boundary(items: Sequence[Any], flags: int) -> bool:
    """Whether `\\b` or `\\B` is in it, that of all letters."""
    for op, value in items:
        if _name(op) == "AT" and _name(value) in ("AT_BOUNDARY", "AT_NON_BOUNDARY") and not flags & re.ASCII:
            return True
        if any(has_boundary(list(inner), inner_flags) for inner, inner_flags in _inner(_name(op), value, flags)):
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
class Writer:
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
        ranges = ranges_of(written, flags & _MEANING)
        if _name(item[0]) == "ASSERT":
            return self._class(ranges), ""
        return self._class(without(((0, HIGHEST),), ranges)), end

    def _item(self, op: str, value: Any, flags: int) -> str:
        match op:
            case "LITERAL":
                is_exact = not flags & re.IGNORECASE
                return self._class(((value, value),) if is_exact else either_case(value, flags & _MEANING))
            case "NOT_LITERAL" | "ANY" | "IN":
                return self._class(ranges_of(_as_python(op, value), flags & _MEANING))
            case "BRANCH":
                return f"(?:{'|'.join(self.sequence(branch, flags) for branch in value[1])})"
            case "SUBPATTERN":
                return f"(?:{self.sequence(value[3], (flags | value[1]) & ~value[2])})"
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(op, value, flags)
            case "AT":
                return self._place(_name(value), flags)
        raise PatternRefused(_REFUSED.get(op, unknown(op.lower())))

    def _repeat(self, op: str, value: Any, flags: int) -> str:
        least, most, inner = value
        is_open = most == PARSER.MAXREPEAT
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

    def _class(self, ranges: Ranges) -> str:
        return marked_class(ranges) if self.is_marked else plain_class(ranges)


def _as_python(op: str, value: Any) -> str:
    """One character of a parsed pattern, as Python's `re` reads it."""
    match op:
        case "ANY":
            return "."
        case "LITERAL":
            return escaped(value)
        case "NOT_LITERAL":
            return f"[^{escaped(value)}]"
    is_negated = _name(value[0][0]) == "NEGATE"
    items = [_class_item(_name(kind), item) for kind, item in value[is_negated:]]
    return f"[{'^' if is_negated else ''}{''.join(items)}]"


def _class_item(kind: str, item: Any) -> str:
    if kind == "CATEGORY":
        return _CATEGORIES[_name(item)]
    return f"{escaped(item[0])}-{escaped(item[1])}" if kind == "RANGE" else escaped(item)
