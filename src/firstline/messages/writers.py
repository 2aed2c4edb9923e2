"""Writes tables in every format that is read. A file gets its final name only when it is complete."""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol, Self

import msgspec

from firstline.errors import FileUnwritable, FormatUnknown, UsageError, kind_of
from firstline.files import whole_file
from firstline.messages.files_extra import require_files
from firstline.messages.records import Value
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
    """One table on its way to a file."""

    def write(self, values: Sequence[Value]) -> None:
        """One row, in the order of the columns."""

    def close(self, is_complete: bool) -> None:
        """Finish the file; an incomplete one is left as it is, to be removed."""


class _DelimitedWriter:
    def __init__(self, path: Path, columns: Sequence[str], dialect: Dialect, is_safe_for_excel: bool) -> None:
        self._file = path.open("w", encoding=dialect.encoding, errors="replace", newline="")
        self._is_safe_for_excel = is_safe_for_excel
        self._rows = csv.writer(self._file, delimiter=dialect.delimiter, lineterminator="\n")
        # A lone carriage return ends a line for every reader, but csv quotes only its own line end.
        self._quoted = csv.writer(self._file, delimiter=dialect.delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL)
        self.write(columns)

    def write(self, values: Sequence[Value]) -> None:
        cells = ["" if value is None else _plain(_encodable(value)) for value in values]
        if self._is_safe_for_excel:
            # Quoted, since Excel may split at another delimiter and find a formula behind it.
            self._quoted.writerow([_harmless(cell) for cell in cells])
            return
        has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (self._quoted if has_return else self._rows).writerow(cells)

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonLinesWriter:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._columns = columns
        self._encoder = msgspec.json.Encoder(enc_hook=str)

    def write(self, values: Sequence[Value]) -> None:
        row = dict(zip(self._columns, map(_encodable, values), strict=True))
        self._file.write(self._encoder.encode(row) + b"\n")

    def close(self, is_complete: bool) -> None:
        self._file.close()


class _JsonWriter:
    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._columns = columns
        self._encoder = msgspec.json.Encoder(enc_hook=str)
        self._between = b"[\n"

    def write(self, values: Sequence[Value]) -> None:
        row = dict(zip(self._columns, map(_encodable, values), strict=True))
        self._file.write(self._between + self._encoder.encode(row))
        self._between = b",\n"

    def close(self, is_complete: bool) -> None:
        self._file.write(b"\n]\n" if self._between == b",\n" else b"[]\n")
        self._file.close()


class _PolarsWriter:
    """Parquet and Excel: the whole table is held in memory, column by column."""

    def __init__(self, path: Path, columns: Sequence[str], is_excel: bool) -> None:
        require_files("Excel" if is_excel else "Parquet")
        self._path = path
        self._is_excel = is_excel
        self._columns: dict[str, list[Value]] = {name: [] for name in columns}

    def write(self, values: Sequence[Value]) -> None:
        for column, value in zip(self._columns.values(), map(_encodable, values), strict=True):
            if self._is_excel and isinstance(value, str) and len(value) > _EXCEL_CELL_CHARS:
                raise UsageError(
                    f"Excel allows {_EXCEL_CELL_CHARS:,} characters in a cell, but one text has {len(value):,}.",
                    "Write another format, such as .csv",
                )
            column.append(_exact_in_excel(value) if self._is_excel else value)

    def close(self, is_complete: bool) -> None:
        if not is_complete:
            return
        import polars as pl

        # Nothing was written so far, and another process may have removed an old empty file.
        make_private(self._path)
        table = pl.DataFrame({name: _series(name, column) for name, column in self._columns.items()})
        if not self._is_excel:
            try:
                table.write_parquet(self._path)
            except pl.exceptions.PolarsError as error:
                raise OSError(_system_words(error) or kind_of(error)) from error
            return
        import xlsxwriter
        from xlsxwriter.exceptions import XlsxWriterException

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
    formula gets an apostrophe before it. Raises `FormatUnknown` for an ending that is not known,
    `ExtraMissing` and `FileUnwritable`.
    """

    def __init__(
        self, path: Path, columns: Sequence[str], dialect: Dialect | None = None, *, is_safe_for_excel: bool = False
    ) -> None:
        self.path = path
        with _named(path), ExitStack() as opened:
            # A folder that is misspelled should not be made. By its "..", since a file in its place has none.
            (path.parent / "..").stat()
            unfinished = opened.enter_context(whole_file(path))
            make_private(unfinished)
            self._writer = _open(path, unfinished, columns, dialect or Dialect(), is_safe_for_excel)
            opened.push(self._close)
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def write(self, values: Sequence[Value]) -> None:
        """One row, in the order of the columns."""
        with _named(self.path):
            self._writer.write(values)

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


def _open(path: Path, unfinished: Path, columns: Sequence[str], dialect: Dialect, is_safe_for_excel: bool) -> Writer:
    ending = path.suffix.lower()
    match ending:
        case ".csv" | ".txt":
            return _DelimitedWriter(unfinished, columns, dialect, is_safe_for_excel)
        case ".tsv":
            return _DelimitedWriter(unfinished, columns, Dialect(delimiter="\t"), is_safe_for_excel)
        case ".jsonl" | ".ndjson":
            return _JsonLinesWriter(unfinished, columns)
        case ".json":
            return _JsonWriter(unfinished, columns)
        case ".parquet":
            return _PolarsWriter(unfinished, columns, is_excel=False)
        case ".xlsx":
            return _PolarsWriter(unfinished, columns, is_excel=True)
    raise FormatUnknown(
        f"{path}: Firstline does not write files that end in '{ending}'.",
        "Known endings: .csv .tsv .jsonl .json .parquet .xlsx",
    )


def _system_words(error: Exception) -> str:
    """What the system said, if Polars wraps that: `No space left on device`."""
    found = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(found[1])) if found else ""


def _encodable(value: Value) -> Value:
    """The value; a question mark for what could not be decoded in a text; bytes and integers over 64 bits as text."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", errors="replace").decode("utf-8")
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, list):
        return [_encodable(part) for part in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(part) for key, part in value.items()}
    return str(value) if isinstance(value, int) and value.bit_length() > 63 else value


def _exact_in_excel(value: Value) -> Value:
    """The value; a whole number that Excel would round, as text: such numbers are ids."""
    is_long = isinstance(value, int) and abs(value) >= 10**_EXCEL_DIGITS
    return str(value) if is_long else value


def _plain(value: Value) -> Value:
    """A value for a cell of text: lists, objects, true and false as JSON."""
    return msgspec.json.encode(value, enc_hook=str).decode() if isinstance(value, (dict, list, bool)) else value


def _harmless(cell: Value) -> Value:
    """A cell that Excel shows as it is, and does not run."""
    return f"'{cell}" if isinstance(cell, str) and is_formula(cell) else cell


def is_formula(text: str) -> bool:
    """Whether Excel would run this text of a .csv or .tsv."""
    return text.startswith(_STARTS_A_FORMULA)


def _series(name: str, values: list[Value]) -> object:
    """A column unchanged if its values have one type, otherwise as text."""
    import polars as pl

    kinds = {type(value) for value in values if value is not None}
    if len(kinds) > 1 or kinds & {dict, list}:
        values = [None if value is None else str(_plain(value)) for value in values]
    return pl.Series(name, values)
