"""A list of texts, one per line, which is what a .txt holds unless it is clearly a table."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from firstline.messages.columns import names_text
from firstline.messages.contents import read_head
from firstline.messages.csv_rows import MAX_FIELD_CHARS
from firstline.messages.delimited import DelimitedReader
from firstline.messages.dialect import find_dialect
from firstline.messages.records import Reader, ReadingOptions, Record, Reject
from firstline.messages.sniff import SAMPLE_BYTES, decode_sample, find_encoding, undecodable

_EVEN_SHARE = 0.9
_SAMPLE_LINES = 200


def open_text(path: Path, options: ReadingOptions) -> Reader:
    """A .txt: a table if its delimiter or header is named, or if the file shows it; else one message a line."""
    sample = read_head(path, SAMPLE_BYTES)
    encoding = options.encoding or find_encoding(sample, path)
    text = decode_sample(sample, encoding).removeprefix("\ufeff")
    if options.delimiter or options.header_row or _is_table(text, options):
        return DelimitedReader(path, options)
    return PlainTextReader(path, options, encoding, text.lstrip().splitlines()[0].strip())


def _is_table(text: str, options: ReadingOptions) -> bool:
    """Whether all lines have as many tabs, or the header names the text and other columns."""
    lines = [line for line in text.splitlines()[:_SAMPLE_LINES] if line.strip()]
    n_tabs = lines[0].count("\t")
    if n_tabs and sum(line.count("\t") == n_tabs for line in lines) >= _EVEN_SHARE * len(lines):
        return True
    found = find_dialect(text, options)
    is_even = found.width > 1 and found.even_share >= _EVEN_SHARE
    return is_even and names_text(found.header, options.text_column)


class PlainTextReader:
    """One message a line. The first is the name of the column if it is a usual one, or `text_column`."""

    def __init__(self, path: Path, options: ReadingOptions, encoding: str, first: str) -> None:
        self.path = path
        self.encoding = encoding
        self._has_header = options.has_header and names_text([first], options.text_column)
        named = options.text_column == "1" and not options.has_header
        self.columns = [first if self._has_header else "1" if named else "text"]
        self.described = f"{path.suffix[1:].upper()}, {encoding}, one message a line"
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._is_read = False

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        is_header = self._has_header
        for line, text in self._lines():
            if is_header:
                is_header = False
            elif len(text) > MAX_FIELD_CHARS:
                yield Reject(line, f"a line has more than {MAX_FIELD_CHARS:,} characters")
            else:
                yield Record(line, [text] * len(columns))
        self._is_read = True

    def done(self) -> float:
        if self._raw is None or self._raw.closed:
            return float(self._is_read)
        return min(self._raw.tell() / self._size_bytes, 1.0)

    def _lines(self) -> Iterator[tuple[int, str]]:
        """The lines that are not blank; of one that is too long, its beginning."""
        with self.path.open("rb") as raw:
            self._raw = raw
            stream = io.TextIOWrapper(raw, self.encoding, errors=undecodable(self.encoding))
            number = 0
            while line := stream.readline(MAX_FIELD_CHARS + 2):
                number += 1
                rest = line
                while rest and not rest.endswith("\n"):
                    rest = stream.readline(MAX_FIELD_CHARS)
                text = line.removesuffix("\n").removeprefix("\ufeff" if number == 1 else "")
                if text.strip():
                    yield number, text
