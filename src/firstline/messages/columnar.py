"""Parquet, through Polars."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firstline.errors import FileUnreadable
from firstline.messages.bounded import BoundedReader
from firstline.messages.contents import Content, content_of, other_content
from firstline.messages.files_extra import require_files
from firstline.messages.headers import check_width
from firstline.messages.records import Reader, ReadingOptions, Value

if TYPE_CHECKING:
    import polars as pl

SLICE_ROWS = 20_000
_SLICE_CELLS = 200_000
_ROWS_OF_A_BYTE = 20
_MANY_ROWS = 1_000_000
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The first day of the year 1 and the last of 9999, in days since 1970."""
_TICKS_OF_A_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_LARGEST = (1 << 63) - 1


def open_parquet(path: Path, options: ReadingOptions) -> Reader:
    """A Parquet file, read in slices; `line` is the row's place, from 1. Raises `FileUnreadable`, `ExtraMissing`."""
    content = content_of(path)
    if content is not Content.parquet:
        raise other_content(path, content, "Parquet")
    require_files("Parquet")
    return BoundedReader(path, options, _ParquetTable, "Parquet", path.stat().st_size)


class _ParquetTable:
    """The file in the process that reads it."""

    described = "Parquet"

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        import polars as pl

        self._frame = pl.scan_parquet(path, glob=False)
        self.columns = self._frame.collect_schema().names()
        self.n_rows = int(self._frame.select(pl.len()).collect().item())
        check_width(path, len(self.columns))
        if self.n_rows > _MANY_ROWS + _ROWS_OF_A_BYTE * path.stat().st_size:
            raise FileUnreadable(
                f"{path} says that it has {self.n_rows:,} rows, too many for its size.",
                "Export it again, without rows that repeat.",
            )

    def parts(self, columns: Sequence[str]) -> Iterator[list[tuple[int, Sequence[Value]]]]:
        n_rows = max(1, min(SLICE_ROWS, _SLICE_CELLS // max(len(columns), 1)))
        for start in range(0, self.n_rows, n_rows):
            part = self._frame.select(columns).slice(start, n_rows).collect()
            yield list(enumerate(frame_rows(part), start=start + 1))


def frame_rows(frame: "pl.DataFrame") -> list[Sequence[Value]]:
    """The rows; a cell that Python has no value for, such as a day in the year 100,000, is None."""
    try:
        return list(frame.rows())
    except BaseException as error:  # A panic in Rust is not an Exception.
        if isinstance(error, MemoryError):
            raise
        return list(zip(*map(_values, frame.get_columns()), strict=True))


def _values(column: "pl.Series") -> list[Value]:
    try:
        return list(_in_range(column).to_list())
    except BaseException as error:
        if isinstance(error, MemoryError):
            raise
        return [_value(column, place) for place in range(len(column))]


def _in_range(column: "pl.Series") -> "pl.Series":
    """Days and times that Python has no value for become null: a panic for each would take minutes."""
    import polars as pl

    if column.dtype == pl.Date:
        first, last = _FIRST_DAY, _LAST_DAY
    elif isinstance(column.dtype, pl.Datetime):
        # Another zone may shift a time by a day.
        ticks = _TICKS_OF_A_DAY[column.dtype.time_unit]
        first, last = max((_FIRST_DAY + 1) * ticks, -_LARGEST), min(_LAST_DAY * ticks - 1, _LARGEST)
    else:
        return column
    is_usual = column.to_physical().is_between(first, last)
    return pl.select(pl.when(is_usual).then(column)).to_series()


def _value(column: "pl.Series", place: int) -> Value:
    try:
        return column.slice(place, 1).to_list()[0]
    except BaseException as error:
        if isinstance(error, MemoryError):
            raise
        return None
