"""CSV and TSV, read as a stream."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from firstline.errors import FileUnreadable
from firstline.messages.contents import read_head
from firstline.messages.csv_rows import csv_rows
from firstline.messages.dialect import find_dialect
from firstline.messages.headers import check_width
from firstline.messages.records import ReadingOptions, Record, Reject, Value, unique_names
from firstline.messages.sniff import SAMPLE_BYTES, decode_sample, find_encoding, undecodable

_NAMES = {"\t": "tab", " ": "space"}


class DelimitedReader:
    """A CSV or TSV file. Raises `FileUnreadable` if it has no header or cannot be decoded."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        sample = read_head(path, SAMPLE_BYTES)
        self.path = path
        self.encoding = options.encoding or find_encoding(sample, path)
        text = decode_sample(sample, self.encoding)
        found = find_dialect(text, options, "\t" if path.suffix.lower() in (".tsv", ".tab") else None)
        self.dialect = found.dialect
        self.delimiter = found.dialect.delimiter
        self._has_header = options.has_header
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._is_read = False
        self.columns = self._header() if options.has_header else [str(place + 1) for place in range(found.width)]
        check_width(path, len(self.columns))
        self.described = ", ".join(self._describe(found.header_line))

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        places = [self.columns.index(name) for name in columns]
        width = len(self.columns)
        rows = self._rows()
        if self._has_header:
            next(rows)
        for row in rows:
            line, cells = (row.line, row.cells) if isinstance(row, Reject) else row
            if width == 1 and cells:
                cells = [self.delimiter.join(map(str, cells))]
            if isinstance(row, Reject):
                # More cells than columns: a delimiter was inside of quotes, and nobody knows which.
                yield replace(row, cells=_placed(cells, places) if len(cells) <= width else ())
            elif len(cells) != width and (len(cells) < width or any(cells[width:])):
                expected = f"the header has {width}" if self._has_header else f"most rows have {width}"
                reason = f"has {len(cells)} column{'s' if len(cells) > 1 else ''}, {expected}"
                yield Reject(line, reason, cells=_placed(cells, places))
            else:
                yield Record(line, [cells[place] for place in places])
        self._is_read = True

    def done(self) -> float:
        if self._raw is None or self._raw.closed:
            return float(self._is_read)
        return min(self._raw.tell() / self._size_bytes, 1.0)

    def _describe(self, header_line: int) -> Iterator[str]:
        yield self.path.suffix[1:].upper() or "CSV"
        yield self.encoding
        yield f"'{_NAMES.get(self.delimiter, self.delimiter)}'"
        if self.dialect.has_backslashes:
            yield "quotes after backslashes"
        if not self._has_header:
            yield "no header"
        elif header_line > 1:
            yield f"header in line {header_line}"

    def _header(self) -> list[str]:
        first = next(self._rows(), None)
        if first is None or isinstance(first, Reject):
            why = f": {first.reason}" if first else ""
            raise FileUnreadable(
                f"{self.path} has no readable header line{why}.",
                "The first line must name the columns. If another line does, use --header-row N; if none, --no-header",
            )
        return unique_names(first[1])

    def _rows(self) -> Iterator[tuple[int, list[str]] | Reject]:
        with self.path.open("rb") as raw:
            self._raw = raw
            stream = io.TextIOWrapper(raw, encoding=self.encoding, errors=undecodable(self.encoding), newline="")
            line = 0
            try:
                for row in csv_rows(stream, self.dialect):
                    line = row.line if isinstance(row, Reject) else row[0]
                    yield row
            except UnicodeError as error:
                why = error.reason if isinstance(error, UnicodeDecodeError) else "it cannot be decoded"
                raise FileUnreadable(
                    f"{self.path} is not {self.encoding}, after line {line:,}: {why}.",
                    "Name its encoding: --encoding cp1251",
                ) from None


def _placed(cells: Sequence[Value], places: Sequence[int]) -> list[Value]:
    """The cells at these places; None for those that the row lacks."""
    return [cells[place] if place < len(cells) else None for place in places]
