"""What readers of all formats yield: records and rejects, each with its line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

Value: TypeAlias = object
"""A cell: text, a number, a date, None, or whatever JSON holds."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row; `values` are in the order of the requested columns."""

    line: int
    values: Sequence[Value]

    def __reduce__(self) -> tuple[object, ...]:
        # Faster than a data class's own way, see `Incoming`.
        return Record, (self.line, self.values)


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that cannot be used, and why. The reason never repeats the text of the row: that is not masked yet.

    If a whole conversation cannot be used, `conversation` is its id. `cells` are what could be read of the row, in
    the order of the columns that were asked for: None for what could not, and no cell at all if nothing could. Only
    `classify` writes them, since its result has the rows as they came.
    """

    line: int
    reason: str
    conversation: str | None = None
    cells: Sequence[Value] = field(default=(), repr=False, compare=False)


class Reader(Protocol):
    """One open file of any format."""

    columns: list[str]
    described: str
    """How the file was read, for people: "CSV, cp1251, ';'"."""

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        """All rows, each with the values of `columns`; streams them if the format allows."""

    def done(self) -> float:
        """The part of the file that has been read, 0 to 1."""


@dataclass(frozen=True)
class ReadingOptions:
    """What the caller knows about a file; None means that it is detected.

    `header_row` is the line, from 1, that names the columns; without a header they are called 1, 2, ...
    `sheet` is the name or the number, from 1, of a sheet in a workbook. `memory_gb` bounds what reading a workbook
    or a Parquet file may take.
    """

    encoding: str | None = None
    delimiter: str | None = None
    text_column: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    has_header: bool = True
    memory_gb: float = 1.0


def unique_names(names: Sequence[str]) -> list[str]:
    """Column names without surrounding blanks; a repeated one gets its position: "text (3)"."""
    found: dict[str, None] = {}
    for place, name in enumerate((name.strip() for name in names), start=1):
        found[name if name not in found else f"{name} ({place})"] = None
    return list(found)


class OpenReader(Protocol):
    def __call__(self, path: Path, options: ReadingOptions) -> Reader: ...
