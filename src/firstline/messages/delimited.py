"""CSV and TSV, read as a stream: a broken row is rejected by its line and the rest goes on.

The standard library's parser is used, not Polars: Polars gives no line and no reason for a bad row.
"""

import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from firstline.errors import FileUnreadable
from firstline.messages.records import ReadingOptions, Record, Reject, unique_names
from firstline.messages.sniff import decode_sample, find_delimiter, find_encoding, read_sample, undecodable

_MAX_RECORD_LINES = 2_000
_MAX_FIELD_CHARS = 1_000_000
_NAMES = {"\t": "tab", " ": "space"}


class _Lines:
    """Physical lines with their count, able to take back what a failed record consumed."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self._record: list[str] = []
        self.line = 0
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self._record) >= _MAX_RECORD_LINES:
            self.too_long = True
            raise StopIteration
        line = self._returned.popleft() if self._returned else self._stream.readline()
        if not self.line:
            line = line.removeprefix("\ufeff")
        if not line:
            raise StopIteration
        self._record.append(line)
        self.line += 1
        return line

    def start_record(self) -> int:
        """Forget the last record; returns the line that the next one starts at."""
        self._record.clear()
        return self.line + 1

    def keep_first(self) -> None:
        """Take back all lines of the record but its first, to be read again."""
        taken_back = self._record[1:]
        self._returned.extendleft(reversed(taken_back))
        self.line -= len(taken_back)
        self._record.clear()
        self.too_long = False


class DelimitedReader:
    """A CSV or TSV file. Raises `FileUnreadable` where it has no header or cannot be decoded."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        sample = read_sample(path)
        self.path = path
        self.encoding = options.encoding or find_encoding(sample, path)
        text = decode_sample(sample, self.encoding)
        self.delimiter = options.delimiter or (
            "\t" if path.suffix.lower() == ".tsv" else find_delimiter(text, options.text_column)
        )
        self.described = f"{path.suffix[1:].upper()}, {self.encoding}, '{_NAMES.get(self.delimiter, self.delimiter)}'"
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._is_read = False
        self.columns = self._header()

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        places = [self.columns.index(name) for name in columns]
        width = len(self.columns)
        rows = self._rows()
        next(rows)
        for row in rows:
            if isinstance(row, Reject):
                yield row
                continue
            line, cells = row
            if width == 1:
                cells = [self.delimiter.join(cells)]
            if len(cells) != width and (len(cells) < width or any(cells[width:])):
                yield Reject(line, f"has {len(cells)} columns, the header has {width}")
                continue
            yield Record(line, [cells[place] for place in places])
        self._is_read = True

    def done(self) -> float:
        if self._raw is None or self._raw.closed:
            return float(self._is_read)
        return min(self._raw.tell() / self._size_bytes, 1.0)

    def _header(self) -> list[str]:
        first = next(self._rows(), None)
        if first is None or isinstance(first, Reject):
            raise FileUnreadable(f"{self.path} has no readable header line.", "The first line must name the columns.")
        return unique_names(first[1])

    def _rows(self) -> Iterator[tuple[int, list[str]] | Reject]:
        with self.path.open("rb") as raw:
            self._raw = raw
            stream = io.TextIOWrapper(raw, encoding=self.encoding, errors=undecodable(self.encoding), newline="")
            lines = _Lines(stream)
            csv.field_size_limit(_MAX_FIELD_CHARS)
            try:
                yield from self._parse(lines)
            except UnicodeError as error:
                why = error.reason if isinstance(error, UnicodeDecodeError) else "it cannot be decoded"
                raise FileUnreadable(
                    f"{self.path} is not {self.encoding}, line {lines.line + 1:,}: {why}.",
                    "Name its encoding: --encoding cp1251",
                ) from None

    def _parse(self, lines: _Lines) -> Iterator[tuple[int, list[str]] | Reject]:
        while True:
            line = lines.start_record()
            parser = csv.reader(lines, delimiter=self.delimiter, strict=True)
            try:
                cells = next(parser)
            except StopIteration:
                return
            except csv.Error as error:
                reason = "a quote is opened and never closed" if lines.too_long else _reason(error)
                lines.keep_first()
                yield Reject(line, reason)
                continue
            if cells:
                yield line, cells


def _reason(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field larger" in text:
        return "a quote is opened and never closed"
    if "expected after" in text:
        return "a quote is closed in the middle of a value"
    return "a line holds a zero byte" if "NUL" in text else "not readable as CSV"
