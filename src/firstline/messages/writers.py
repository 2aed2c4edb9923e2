"""Writes tables in every format that is read. A file gets its final name only when it is complete."""

import csv
import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import msgspec

from firstline.errors import FileUnwritable, FormatUnknown
from firstline.files import whole_file
from firstline.messages.excel_writer import ExcelWriter
from firstline.messages.parquet_parts import ParquetWriter
from firstline.messages.records import Value
from firstline.messages.unfinished import Unfinished, resumable
from firstline.messages.written_cells import encodable, plain
from firstline.store.private import make_private

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""OWASP, CSV injection; Excel reads full-width signs in some locales as it does the others."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written."""

    encoding: str = "utf-8"
    delimiter: str = ","


@dataclass(frozen=True)
class _Shape:
    """How one table is written, as `TableFile` explains it."""

    dialect: Dialect
    is_safe_for_excel: bool
    is_sparse: bool
    choices: Mapping[str, Sequence[str]]


class Writer(Protocol):
    """One table on its way to a file.

    It begins after the `position` that an earlier one's `flush` returned, at 0, or at None if nobody will continue it.
    """

    def write(self, values: Sequence[Value]) -> None:
        """One row, in the order of the columns."""

    def flush(self) -> int:
        """Bring the rows so far to the disk; returns what the next writer has to know to add others."""

    def close(self, is_complete: bool) -> None:
        """Finish the file; an incomplete one is left as it is, to be removed or resumed."""


class _DelimitedWriter:
    def __init__(
        self, path: Path, columns: Sequence[str], dialect: Dialect, is_safe_for_excel: bool, position: int | None
    ) -> None:
        _cut(path, position)
        self._file = path.open("a", encoding=dialect.encoding, errors="replace", newline="")
        self._is_safe_for_excel = is_safe_for_excel
        self._rows = csv.writer(self._file, delimiter=dialect.delimiter, lineterminator="\n")
        # A lone carriage return ends a line for every reader, but csv quotes only its own line end.
        self._quoted = csv.writer(self._file, delimiter=dialect.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        if not position:
            self.write(columns)

    def write(self, values: Sequence[Value]) -> None:
        if self._is_safe_for_excel:
            # Quoted, since Excel may split at another delimiter and find a formula behind it.
            self._quoted.writerow(harmless_cells(values))
            return
        cells = [_cell(value) for value in values]
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (self._quoted if has_return else self._rows).writerow(cells)

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonLinesWriter:
    def __init__(self, path: Path, columns: Sequence[str], position: int | None, is_sparse: bool) -> None:
        _cut(path, position)
        self._file: IO[bytes] = path.open("ab")
        self._columns = columns
        self._is_sparse = is_sparse
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def write(self, values: Sequence[Value]) -> None:
        row = _object(self._columns, values, self._is_sparse)
        self._file.write(self._encoder.encode(row) + b"\n")

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonWriter:
    def __init__(self, path: Path, columns: Sequence[str], position: int | None, is_sparse: bool) -> None:
        _cut(path, position)
        self._file: IO[bytes] = path.open("ab")
        self._columns = columns
        self._is_sparse = is_sparse
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._between = b",\n" if position else b"[\n"

    def write(self, values: Sequence[Value]) -> None:
        row = _object(self._columns, values, self._is_sparse)
        self._file.write(self._between + self._encoder.encode(row))
        self._between = b",\n"

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.write(b"\n]\n" if self._between == b",\n" else b"[]\n")
        self._file.close()


class TableFile(AbstractContextManager["TableFile"]):
    """A table written under a temporary name and renamed once it is complete.

    Of several that write the same table at once, the last to finish wins.
    `dialect` is that of a .csv. With `is_safe_for_excel`, a text in a .csv or .tsv that Excel would run as a
    formula gets an apostrophe before it. With `is_sparse`, a JSON object has no key for what is None. `choices` are the
    values that Excel offers for a column. With `made_from`, as in `resumable`, the table continues what a killed
    process has begun, except in a workbook: `n_rows` are there already. Raises `FormatUnknown` for an ending that is
    not known, `ExtraMissing`, `FileUnwritable` and `EarlierRunDiffers`.
    """

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        dialect: Dialect | None = None,
        *,
        is_safe_for_excel: bool = False,
        is_sparse: bool = False,
        choices: Mapping[str, Sequence[str]] | None = None,
        made_from: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self._begun: Unfinished | None = None
        with _named(path), ExitStack() as opened:
            # A folder that is misspelled should not be made. By its "..", since a file in its place has none.
            (path.parent / "..").stat()
            if made_from is None or path.suffix.lower() == ".xlsx":
                unfinished = opened.enter_context(whole_file(path))
            else:
                self._begun = opened.enter_context(resumable(path, made_from))
                unfinished = self._begun.path
            make_private(unfinished)
            position = self._begun.position if self._begun else None
            shape = _Shape(dialect or Dialect(), is_safe_for_excel, is_sparse, choices or {})
            self._writer = _open(path, unfinished, columns, shape, position)
            opened.push(self._close)
            self._opened = opened.pop_all()

    @property
    def n_rows(self) -> int:
        """The rows that an earlier process wrote."""
        return self._begun.n_rows if self._begun else 0

    @property
    def counts(self) -> Mapping[str, int]:
        """What the earlier process counted, as it called `keep`."""
        return self._begun.counts if self._begun else {}

    def __enter__(self) -> Self:
        return self

    def write(self, values: Sequence[Value]) -> None:
        """One row, in the order of the columns."""
        with _named(self.path):
            self._writer.write(values)

    def keep(self, n_rows: int, counts: Mapping[str, int]) -> None:
        """If this process is killed from now on, a later one continues after these `n_rows`."""
        if self._begun is not None:
            with _named(self.path):
                self._begun.keep(n_rows, self._writer.flush(), counts)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _named(self.path):
            self._opened.__exit__(kind, error, trace)

    def _close(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close(is_complete=kind is None)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """A library's error about a file that cannot be written, with the name that the caller knows."""
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error.strerror or str(error)) from error


def _unwritable(path: Path, why: str) -> FileUnwritable:
    return FileUnwritable(f"{path} cannot be written: {why}.", "Check the folder, its permissions and the free space.")


def _open(path: Path, unfinished: Path, columns: Sequence[str], shape: _Shape, position: int | None) -> Writer:
    ending = path.suffix.lower()
    match ending:
        case ".csv" | ".txt":
            return _DelimitedWriter(unfinished, columns, shape.dialect, shape.is_safe_for_excel, position)
        case ".tsv":
            return _DelimitedWriter(unfinished, columns, Dialect(delimiter="\t"), shape.is_safe_for_excel, position)
        case ".jsonl" | ".ndjson":
            return _JsonLinesWriter(unfinished, columns, position, shape.is_sparse)
        case ".json":
            return _JsonWriter(unfinished, columns, position, shape.is_sparse)
        case ".parquet":
            return ParquetWriter(unfinished, columns, position)
        case ".xlsx":
            return ExcelWriter(unfinished, columns, shape.choices)
    raise FormatUnknown(
        f"{path}: Firstline does not write files that end in '{ending}'.",
        "Known endings: .csv .tsv .jsonl .json .parquet .xlsx",
    )


def _object(columns: Sequence[str], values: Sequence[Value], is_sparse: bool) -> dict[str, Value]:
    row = dict(zip(columns, map(encodable, values), strict=True))
    return {name: value for name, value in row.items() if value is not None} if is_sparse else row


def _cut(path: Path, position: int | None) -> None:
    """Leave the first `position` bytes of a file. Raises `OSError` if it has fewer."""
    if path.stat().st_size < (position or 0):
        raise OSError(errno.EIO, f"what an earlier run wrote is damaged, delete {path.parent}")
    os.truncate(path, position or 0)


def _flushed(file: IO[str] | IO[bytes]) -> int:
    """The size of a file that has all its rows on the disk, in bytes."""
    file.flush()
    os.fsync(file.fileno())
    return os.fstat(file.fileno()).st_size


def harmless_cells(values: Sequence[Value]) -> list[Value]:
    """The cells of a row of a .csv that no spreadsheet runs, if each is quoted."""
    return [_harmless(_cell(value)) for value in values]


def _cell(value: Value) -> Value:
    return "" if value is None else plain(encodable(value))


def _harmless(cell: Value) -> Value:
    """A cell that Excel shows as it is, and does not run."""
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def is_formula(text: str) -> bool:
    """Whether Excel would run this text of a .csv or .tsv."""
    return text.startswith(_STARTS_A_FORMULA)
