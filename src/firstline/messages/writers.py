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

from firstline.errors import FileUnwritable, FormatUnknown, UsageError, kind_of
from firstline.files import whole_file
from firstline.messages.files_extra import require_files
from firstline.messages.parquet_parts import ParquetWriter
from firstline.messages.records import Value
from firstline.messages.unfinished import Unfinished, resumable
from firstline.messages.written_cells import encodable, frame_of, plain
from firstline.store.private import make_private

_EXCEL_CELL_CHARS = 32_767
_EXCEL_DIGITS = 15
"""Excel keeps no more of a number."""
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""OWASP, CSV injection; Excel reads full-width signs in some locales as it does the others."""


@dataclass(frozen=True)
class Dialect:
    """How a text table is written."""

    encoding: str = "utf-8"
    delimiter: str = ","


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
        cells = ["" if value is None else plain(encodable(value)) for value in values]
        if self._is_safe_for_excel:
            # Quoted, since Excel may split at another delimiter and find a formula behind it.
            self._quoted.writerow([_harmless(cell) for cell in cells])
            return
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (self._quoted if has_return else self._rows).writerow(cells)

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonLinesWriter:
    def __init__(self, path: Path, columns: Sequence[str], position: int | None) -> None:
        _cut(path, position)
        self._file: IO[bytes] = path.open("ab")
        self._columns = columns
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def write(self, values: Sequence[Value]) -> None:
        row = dict(zip(self._columns, map(encodable, values), strict=True))
        self._file.write(self._encoder.encode(row) + b"\n")

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonWriter:
    def __init__(self, path: Path, columns: Sequence[str], position: int | None) -> None:
        _cut(path, position)
        self._file: IO[bytes] = path.open("ab")
        self._columns = columns
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._between = b",\n" if position else b"[\n"

    def write(self, values: Sequence[Value]) -> None:
        row = dict(zip(self._columns, map(encodable, values), strict=True))
        self._file.write(self._between + self._encoder.encode(row))
        self._between = b",\n"

    def flush(self) -> int:
        return _flushed(self._file)

    def close(self, is_complete: bool) -> None:
        self._file.write(b"\n]\n" if self._between == b",\n" else b"[]\n")
        self._file.close()


class _ExcelWriter:
    """The whole table is held in memory, column by column: Excel bounds it by a million rows."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        require_files("Excel")
        self._path = path
        self._columns: dict[str, list[Value]] = {name: [] for name in columns}

    def write(self, values: Sequence[Value]) -> None:
        for column, value in zip(self._columns.values(), map(encodable, values), strict=True):
            if isinstance(value, str) and len(value) > _EXCEL_CELL_CHARS:
                raise UsageError(
                    f"Excel allows {_EXCEL_CELL_CHARS:,} characters in a cell, but one text has {len(value):,}.",
                    "Write another format, such as .csv",
                )
            column.append(_exact_in_excel(value))

    def flush(self) -> int:
        return 0

    def close(self, is_complete: bool) -> None:
        if not is_complete:
            return
        import xlsxwriter
        from xlsxwriter.exceptions import XlsxWriterException

        # Nothing was written so far, and another process may have removed an old empty file.
        make_private(self._path)
        table = frame_of(self._columns)
        # In memory, since its parts would lie in the system's temporary folder otherwise.
        options = {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        try:
            with xlsxwriter.Workbook(str(self._path), options) as workbook:
                table.write_excel(workbook, float_precision=4)
        except XlsxWriterException as error:
            # It wraps what the system said: no space left.
            raise next((one for one in error.args if isinstance(one, OSError)), OSError(kind_of(error))) from error


class TableFile(AbstractContextManager["TableFile"]):
    """A table written under a temporary name and renamed once it is complete.

    Of several that write the same table at once, the last to finish wins.
    `dialect` is that of a .csv. With `is_safe_for_excel`, a text in a .csv or .tsv that Excel would run as a
    formula gets an apostrophe before it. With `made_from`, as in `resumable`, the table continues what a killed
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
            self._writer = _open(path, unfinished, columns, dialect or Dialect(), is_safe_for_excel, position)
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


def _open(
    path: Path,
    unfinished: Path,
    columns: Sequence[str],
    dialect: Dialect,
    is_safe_for_excel: bool,
    position: int | None,
) -> Writer:
    ending = path.suffix.lower()
    match ending:
        case ".csv" | ".txt":
            return _DelimitedWriter(unfinished, columns, dialect, is_safe_for_excel, position)
        case ".tsv":
            return _DelimitedWriter(unfinished, columns, Dialect(delimiter="\t"), is_safe_for_excel, position)
        case ".jsonl" | ".ndjson":
            return _JsonLinesWriter(unfinished, columns, position)
        case ".json":
            return _JsonWriter(unfinished, columns, position)
        case ".parquet":
            return ParquetWriter(unfinished, columns, position)
        case ".xlsx":
            return _ExcelWriter(unfinished, columns)
    raise FormatUnknown(
        f"{path}: Firstline does not write files that end in '{ending}'.",
        "Known endings: .csv .tsv .jsonl .json .parquet .xlsx",
    )


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


def _exact_in_excel(value: Value) -> Value:
    """The value; a whole number that Excel would round, as text: such numbers are ids."""
    is_long = isinstance(value, int) and abs(value) >= 10**_EXCEL_DIGITS
    return str(value) if is_long else value


def _harmless(cell: Value) -> Value:
    """A cell that Excel shows as it is, and does not run."""
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def is_formula(text: str) -> bool:
    """Whether Excel would run this text of a .csv or .tsv."""
    return text.startswith(_STARTS_A_FORMULA)
