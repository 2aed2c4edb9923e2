"""Is 02/03/2026 in March or in February? The whole column tells."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from firstline.messages.times import day_and_month, has_half_of_day, read_time

Order = Literal["day_first", "month_first"]
_LEAST_ROWS = 10
"""Fewer rows outside conversations are in order of time by chance."""
_MOST_CONVERSATIONS = 10_000


@dataclass(frozen=True)
class Decided:
    order: Order
    reason: str


class _Direction:
    """Whether the times of each conversation go forward or back, in one reading."""

    def __init__(self, month_first: bool) -> None:
        self._month_first = month_first
        self._last: dict[Hashable, datetime] = {}
        self._n_forward = self._n_back = 0

    @property
    def is_steady(self) -> bool:
        return not (self._n_forward and self._n_back)

    def add(self, value: str, conversation: Hashable) -> bool:
        """Take in one time; returns whether it can be read."""
        moment = read_time(value, month_first=self._month_first)
        if moment is None:
            return False
        last = self._last.get(conversation)
        if last is not None:
            self._n_forward += moment > last
            self._n_back += moment < last
        elif len(self._last) >= _MOST_CONVERSATIONS:
            return True
        self._last[conversation] = moment
        return True


class DateOrder:
    """Evidence of a column of times: dates with one reading, AM and PM, and rows that are in order of time."""

    def __init__(self) -> None:
        self.n_open = 0
        """Dates with slashes or hyphens, until they are decided."""
        self.n_ambiguous = 0
        """Those of them that two readings tell apart."""
        self.day_first_line: int | None = None
        self.month_first_line: int | None = None
        self._has_half_of_day = False
        self._in_conversations = False
        self._day_first, self._month_first = _Direction(False), _Direction(True)

    @property
    def is_decided(self) -> bool:
        """Whether a date with one reading was there."""
        return self.day_first_line is not None or self.month_first_line is not None

    @property
    def is_mixed(self) -> bool:
        return self.day_first_line is not None and self.month_first_line is not None

    def add(self, line: int, value: object, conversation: object) -> None:
        """Take in the time of one row, and the conversation that it is of, if any."""
        numbers = day_and_month(value)
        if numbers is None or not isinstance(value, str):
            return
        first, second = numbers
        if first > 12 or second > 12:
            self._add_certain(line, value, month_first=second > 12)
        elif not self.is_decided:
            self._add_either(value, conversation, is_ambiguous=first != second)

    def _add_certain(self, line: int, value: str, *, month_first: bool) -> None:
        known = self.month_first_line if month_first else self.day_first_line
        if known is not None or read_time(value, month_first=month_first) is None:
            return
        self.n_open += 1
        if month_first:
            self.month_first_line = line
        else:
            self.day_first_line = line

    def _add_either(self, value: str, conversation: object, *, is_ambiguous: bool) -> None:
        of = conversation if isinstance(conversation, Hashable) else None
        if not self._day_first.add(value, of):
            return
        self._month_first.add(value, of)
        self.n_open += 1
        self.n_ambiguous += is_ambiguous
        self._has_half_of_day = self._has_half_of_day or has_half_of_day(value)
        self._in_conversations = self._in_conversations or conversation is not None

    def decided(self) -> Decided | None:
        """The order and what decided it; None if it may be either."""
        if self.day_first_line:
            return Decided("day_first", f"line {self.day_first_line:,} has no other reading")
        if self.month_first_line:
            return Decided("month_first", f"line {self.month_first_line:,} has no other reading")
        steady_day, steady_month = self._day_first.is_steady, self._month_first.is_steady
        if steady_day != steady_month and (self._in_conversations or self.n_ambiguous >= _LEAST_ROWS):
            return Decided("day_first" if steady_day else "month_first", "only so the rows are in order of time")
        if self._has_half_of_day and self.n_ambiguous:
            return Decided("month_first", "times have AM and PM")
        return None
