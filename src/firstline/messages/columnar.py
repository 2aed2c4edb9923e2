"""Parquet and Excel, through Polars."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from firstline.errors import FileUnreadable
from firstline.messages.records import ReadingOptions, Record, Reject, unique_names

_SLICE_ROWS = 20_000
_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)


class ParquetReader:
    """A Parquet file, read in slices; `line` is the row's place, from 1."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.path = path
        self.described = "Parquet"
        try:
            self._frame = pl.scan_parquet(path, glob=False)
            self.columns = self._frame.collect_schema().names()
            self._n_rows = int(self._frame.select(pl.len()).collect().item())
        except _FAULTS as error:
            raise _unreadable(path, "Parquet", error) from None
        self._read = 0

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        unique = list(dict.fromkeys(columns))
        places = [unique.index(name) for name in columns]
        for start in range(0, self._n_rows, _SLICE_ROWS):
            try:
                part = self._frame.select(unique).slice(start, _SLICE_ROWS).collect()
            except _FAULTS as error:
                raise _unreadable(self.path, "Parquet", error) from None
            for place, row in enumerate(part.iter_rows(), start=start + 1):
                yield Record(place, [row[at] for at in places])
            self._read = start + part.height

    def done(self) -> float:
        return self._read / max(self._n_rows, 1)


class ExcelReader:
    """The first sheet of an Excel file; `line` is the row in the sheet, the header being 1; empty rows count."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        self.described = "Excel, the first sheet"
        try:
            self._table = pl.read_excel(path, infer_schema_length=None, raise_if_empty=False, drop_empty_rows=False)
        except (
            Exception,
            pl.exceptions.PanicException,
        ) as error:  # fastexcel raises its own tree, which Polars does not wrap
            raise _unreadable(path, "Excel", error) from None
        if not self._table.columns:
            raise FileUnreadable(f"{path}: the first sheet is empty.", "Put the messages on the first sheet.")
        self.columns = unique_names(self._table.columns)
        self._read = 0

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        places = [self.columns.index(name) for name in columns]
        for line, row in enumerate(self._table.iter_rows(), start=2):
            self._read = line
            if any(value is not None for value in row):
                yield Record(line, [row[place] for place in places])

    def done(self) -> float:
        return self._read / max(self._table.height + 1, 1)


def _unreadable(path: Path, format_name: str, error: BaseException) -> FileUnreadable:
    # What Polars and fastexcel say may quote a cell.
    cause = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
    return FileUnreadable(
        f"{path} cannot be read as {format_name}: {cause}.", "Export it again, or name the file by its true format."
    )
