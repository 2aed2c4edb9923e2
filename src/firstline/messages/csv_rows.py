"""The rows of a CSV: a broken row is rejected with its line, and the others are read.

The standard library's parser is used, not Polars: Polars gives no line and no reason for a bad row.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from firstline.messages.records import Reject

MAX_LINE_CHARS = 4_000_000
MAX_FIELD_CHARS = 1_000_000
_MAX_RECORD_LINES = 2_000
_MAX_RECORD_CHARS = 2 * MAX_LINE_CHARS
# No text holds these two: Unicode keeps them for the inside of programs.
_ESCAPED_QUOTE = "\ufdd0"
_LINE_TOO_LONG = "\ufdd1"
_ESCAPE = re.compile(r"\\([\\\"'])")


@dataclass(frozen=True)
class CsvDialect:
    """How a CSV is written."""

    delimiter: str = ","
    quote: str = '"'
    has_backslashes: bool = False
    """Whether a quote inside a value is written after a backslash; a doubled one is read in any case."""
    has_blanks: bool = False
    """Whether blanks stand after the delimiter, before a quote."""
    has_blanks_before: bool = False
    """Whether blanks stand before the delimiter, after a quote."""
    n_lines_above: int = 0
    """The lines above the header, or above the first row: titles, Excel's `sep=;`."""


class _Lines:
    """Physical lines with their count, able to take back what a failed record consumed.

    A line that is too long becomes a mark, so that memory is bounded.
    """

    def __init__(self, stream: io.TextIOBase, dialect: CsvDialect, max_record_lines: int) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self._record: list[str] = []
        self._record_chars = 0
        self._dialect = dialect
        self._blanks_before = re.compile(f"(?<={dialect.quote}) +(?={re.escape(dialect.delimiter)})")
        self._max_record_lines = max_record_lines
        self.line = 0
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= self._max_record_lines or self._record_chars > _MAX_RECORD_CHARS:
            self.too_long = True
            raise StopIteration
        line = self._returned.popleft() if self._returned else self._read()
        if not line:
            raise StopIteration
        self._record.append(line)
        self._record_chars += len(line)
        self.line += 1
        return line

    def skip(self, n_lines: int) -> None:
        """Pass over the next lines."""
        for _ in range(n_lines):
            if next(self, None) is None:
                return
            self.start_record()

    def start_record(self) -> int:
        """Forget the last record; returns the line that the next one starts at."""
        self._record.clear()
        self._record_chars = 0
        return self.line + 1

    @property
    def n_in_record(self) -> int:
        return len(self._record)

    def keep_first(self) -> str:
        """Take back all lines of the record but its first, to be read again; returns the first."""
        first, *taken_back = self._record
        self._returned.extendleft(reversed(taken_back))
        self.line -= len(taken_back)
        self.start_record()
        self.too_long = False
        return first

    def _read(self) -> str:
        line = self._stream.readline(MAX_LINE_CHARS + 1)
        if not self.line:
            line = line.removeprefix("\ufeff")
        if len(line) > MAX_LINE_CHARS and line[-1] not in "\r\n":
            while line and line[-1] not in "\r\n":
                line = self._stream.readline(MAX_LINE_CHARS)
            return _LINE_TOO_LONG + "\n"
        if self._dialect.has_backslashes:
            line = _ESCAPE.sub(self._unescaped, line)
        return self._blanks_before.sub("", line) if self._dialect.has_blanks_before else line

    def _unescaped(self, found: re.Match[str]) -> str:
        return _ESCAPED_QUOTE if found[1] == self._dialect.quote else found[1]


def csv_rows(
    stream: io.TextIOBase, dialect: CsvDialect, max_record_lines: int = _MAX_RECORD_LINES
) -> Iterator[tuple[int, list[str]] | Reject]:
    """Each row with the line that it starts at, or its reject; empty lines are passed over.

    The cells of a reject are its first line, split at each delimiter, with the quotes as they stand.
    """
    csv.field_size_limit(MAX_FIELD_CHARS)
    lines = _Lines(stream, dialect, max_record_lines)
    lines.skip(dialect.n_lines_above)
    while True:
        line = lines.start_record()
        parser = csv.reader(
            lines,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            skipinitialspace=dialect.has_blanks,
            strict=True,
        )
        try:
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            reason = _reason(error, lines)
            cells = _split(lines.keep_first(), dialect)
            yield Reject(line, reason, cells=cells)
            continue
        if cells and _LINE_TOO_LONG in cells[0]:
            yield Reject(line, f"a line has more than {MAX_LINE_CHARS:,} characters")
        elif cells:
            yield (
                line,
                [cell.replace(_ESCAPED_QUOTE, dialect.quote) for cell in cells] if dialect.has_backslashes else cells,
            )


def _split(line: str, dialect: CsvDialect) -> list[str]:
    """The cells of a line whose quotes cannot be trusted; none if the line is longer than a value may be."""
    line = line.rstrip("\r\n").replace(_ESCAPED_QUOTE, dialect.quote)
    return line.split(dialect.delimiter) if len(line) <= MAX_FIELD_CHARS else []


def _reason(error: csv.Error, lines: _Lines) -> str:
    text = str(error)
    if "field larger" in text and lines.n_in_record == 1:
        return f"a value has more than {MAX_FIELD_CHARS:,} characters"
    if lines.too_long or "unexpected end of data" in text or "field larger" in text:
        return "a quote is opened and never closed"
    if "expected after" in text:
        return "a quote is closed in the middle of a value"
    return "a line holds a zero byte" if "NUL" in text else "not readable as CSV"
