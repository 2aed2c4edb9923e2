"""A look at whole columns before a file is read: the order of days and months, and labels that are two in one."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from firstline.errors import DatesUnclear, UnusableCell
from firstline.messages.cells import labels_in, read_name
from firstline.messages.columns import ColumnMap
from firstline.messages.date_order import DateOrder
from firstline.messages.records import Reader, Reject
from firstline.text.rules import nfc, white_space
from firstline.types import Label

_JOINED = re.compile(r"[;|,/\n]")
_MOST_NAMES = 10_000


@dataclass(frozen=True)
class Survey:
    """What the whole columns tell.

    `kept` are classes that look like placeholders, `several` names that are two classes in one cell; `dates` says
    how dates are read and why, for people.
    """

    month_first: bool = False
    dates: str | None = None
    kept: frozenset[Label] = frozenset()
    several: frozenset[str] = frozenset()


NOTHING_FOUND = Survey()


@dataclass(frozen=True)
class Known:
    """What is known before a file is read: the date order from options or settings, and the workspace's classes.

    `team_classes` are named in the settings, and are never taken for placeholders or for two classes in one.
    """

    said_order: Literal["day_first", "month_first", ""] = ""
    remembered_order: Literal["day_first", "month_first", ""] = ""
    classes: Collection[Label] = ()
    team_classes: Collection[Label] = ()


def survey(path: Path, reader: Reader, columns: ColumnMap, known: Known, *, uses_times: bool = True) -> Survey:
    """Look at the columns of labels and times. Raises `DatesUnclear` if the order of day and month is not certain.

    Without `uses_times`, times matter only for the order within conversations.
    """
    names = columns.names
    times = names.get("sent_at") if uses_times or columns.is_conversation else None
    label = names.get("label")
    order = DateOrder()
    written: set[str] = set()
    if label is not None or times is not None:
        asked = [name for name in (label, times, names.get("conversation") if times else None) if name is not None]
        _look(reader, asked, label, times, written, order)
    team = frozenset(white_space(nfc(name)) for name in known.team_classes)
    month_first, dates = _decided(path, str(times), order, known)
    return Survey(
        month_first=month_first,
        dates=dates,
        kept=team,
        several=frozenset(several_in_one(written, {*written, *known.classes}) - team),
    )


def _look(
    reader: Reader, asked: Sequence[str], label: str | None, times: str | None, written: set[str], order: DateOrder
) -> None:
    """Read the columns `asked` into `written` (labels) and `order` (times); the last column is the conversation."""
    label_at = asked.index(label) if label is not None else None
    times_at = asked.index(times) if times is not None else None
    of_at = len(asked) - 1 if times is not None and asked[-1] not in (label, times) else None
    seen: set[object] = set()
    for row in reader.records(asked):
        if isinstance(row, Reject):
            continue
        values = row.values
        if label_at is not None:
            value = values[label_at]
            # A file has few labels, on many rows.
            if not isinstance(value, str) or (value not in seen and len(seen) < _MOST_NAMES):
                if isinstance(value, str):
                    seen.add(value)
                _note_label(written, value)
        if times_at is not None:
            order.add(row.line, values[times_at], values[of_at] if of_at is not None else None)


def several_in_one(names: Iterable[str], classes: Collection[str]) -> set[str]:
    """The names that are other classes put together: "Доставка;Возврат" if both are classes."""
    known = {name.casefold() for name in classes}
    return {
        name
        for name in names
        if len(parts := [part.strip().casefold() for part in _JOINED.split(name)]) > 1
        and all(part in known for part in parts)
    }


def _note_label(written: set[str], value: object) -> None:
    try:
        if len(written) < _MOST_NAMES and labels_in(value) is None and (name := read_name(value)):
            written.add(name)
    except UnusableCell:
        # Its row is rejected when it is read.
        return


def _decided(path: Path, column: str, order: DateOrder, known: Known) -> tuple[bool, str | None]:
    """Whether the month comes first, and a sentence that says so."""
    if not order.n_open:
        return False, None
    if known.said_order:
        return known.said_order == "month_first", f"{_ORDERS[known.said_order]}, as you said"
    if order.is_mixed:
        raise DatesUnclear(
            f"{path}: the dates in '{column}' are mixed: line {order.day_first_line:,} can only have the day first,"
            f" line {order.month_first_line:,} only the month.",
            "Export it with one form of date, or say how to read it: --day-first or --month-first."
            " Dates that do not fit are then left out.",
        )
    found = order.decided()
    if found:
        return found.order == "month_first", f"{_ORDERS[found.order]}, since {found.reason}"
    if known.remembered_order:
        return known.remembered_order == "month_first", f"{_ORDERS[known.remembered_order]}, as remembered"
    if not order.n_ambiguous:
        return False, None
    raise DatesUnclear(
        f"{path}: dates such as 01/02/2026 in '{column}' may have the day or the month first, and no row decides.",
        "Say which: --day-first or --month-first. firstline.toml keeps it: date_order in [columns].",
    )


_ORDERS: Mapping[str, str] = {"day_first": "day first", "month_first": "month first"}
