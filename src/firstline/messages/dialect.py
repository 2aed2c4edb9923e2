"""Detects how a CSV is written: its delimiter, its quotes, and where its header is."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from firstline.messages.csv_rows import CsvDialect, csv_rows
from firstline.messages.headers import find_header
from firstline.messages.records import ReadingOptions, Reject
from firstline.messages.sniff import SAMPLE_BYTES

_SAMPLE_ROWS = 200
_MAX_RECORD_LINES = 200
_CUT_CHARS = SAMPLE_BYTES // 4
"""A shorter sample is a whole file."""
_DELIMITERS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r'\ufeff?"?sep=(\\t|.)"?[ ,;]*(?:\r\n|\n|\r)', re.IGNORECASE)
"""Excel writes and reads this first line, and does not show it."""


@dataclass(frozen=True)
class Found:
    """A dialect and how well it fits: `even_share` of the rows have `width` columns.

    `header` and `header_line` are empty and 0 if there is none.
    """

    dialect: CsvDialect
    width: int = 1
    header: Sequence[str] = ()
    header_line: int = 0
    even_share: float = 0.0
    score: float = 0.0


def find_dialect(sample: str, options: ReadingOptions, delimiter: str | None = None) -> Found:
    """The dialect that cuts a sample into the most even rows; a comma and one column if none does.

    `delimiter`, or the one that the options name, is taken as it is.
    """
    sep_line = _SEP_LINE.match(sample)
    delimiter = options.delimiter or delimiter or (sep_line[1].replace("\\t", "\t") if sep_line else None)
    n_above = max(int(bool(sep_line)), (options.header_row or 1) - 1)
    variants = {
        one: list(_variants(sample, CsvDialect(one, n_lines_above=n_above)))
        for one in ([delimiter] if delimiter else _DELIMITERS)
    }
    best = _best(_fit(sample, dialect, options, _SAMPLE_ROWS) for each in variants.values() for dialect in each)
    rivals = variants[best.dialect.delimiter]
    # Unusual rows may come late in the sample.
    return best if len(rivals) == 1 else _best(_fit(sample, dialect, options, None) for dialect in rivals)


def _best(found: Iterable[Found]) -> Found:
    """The first of the best; usual dialects come before unusual ones."""
    return max(found, key=lambda one: round(one.score, 6))


def _variants(sample: str, plain: CsvDialect) -> Iterator[CsvDialect]:
    """The dialects with this delimiter that the sample may be in, the usual before the unusual."""
    between = re.escape(plain.delimiter)
    for quote in ('"', "'"):
        if quote == "'" and quote not in sample:
            return
        after = re.search(rf"(?:^|{between}) +{quote}", sample, re.MULTILINE)
        dialect = replace(plain, quote=quote, has_blanks=after is not None and plain.delimiter != " ")
        yield dialect
        if f"\\{quote}" in sample:
            yield replace(dialect, has_backslashes=True)
        if re.search(rf"{quote} +{between}", sample):
            yield replace(dialect, has_blanks_before=True)


def _fit(sample: str, dialect: CsvDialect, options: ReadingOptions, max_rows: int | None) -> Found:
    rows = _sample_rows(sample, dialect, max_rows)
    n_rejects = sum(isinstance(row, Reject) for row in rows)
    good = [row for row in rows if not isinstance(row, Reject)]
    if not good:
        return Found(dialect)
    header_line, header = _header(good, options) if options.has_header else (0, [])
    data = [row for line, row in good if line > header_line]
    width = len(header) if header else Counter(map(len, data)).most_common(1)[0][0]
    n_rows = len(data) + n_rejects
    share = sum(_fits(row, width) for row in data) / n_rows if n_rows else 1.0
    score = 0.5 * share if width == 1 else 1 + share + 0.001 * min(width, 50)
    if options.text_column in [name.strip() for name in header]:
        score += 10
    if header:
        dialect = replace(dialect, n_lines_above=header_line - 1)
    return Found(dialect, width, header, header_line, share, score)


def _header(rows: Sequence[tuple[int, list[str]]], options: ReadingOptions) -> tuple[int, list[str]]:
    """The line of the header, and its cells."""
    if options.header_row is not None:
        return rows[0]
    by_line = _with_blank_lines(rows[:_SAMPLE_ROWS])
    return list(by_line.items())[find_header(list(by_line.values()), options.text_column)]


def _sample_rows(sample: str, dialect: CsvDialect, max_rows: int | None) -> Sequence[tuple[int, list[str]] | Reject]:
    """The first rows; the last of a large file may be cut."""
    parsed = csv_rows(io.StringIO(sample, newline=""), dialect, _MAX_RECORD_LINES)
    rows = list(islice(parsed, max_rows))
    return rows[:-1] if len(rows) > 2 and len(sample) >= _CUT_CHARS else rows


def _with_blank_lines(rows: Sequence[tuple[int, list[str]]]) -> dict[int, list[str]]:
    """Rows by their lines; a blank one stands for each gap, since it may part a title from the header."""
    by_line: dict[int, list[str]] = {}
    for line, row in rows:
        if line > 1 and line - 1 not in by_line and by_line:
            by_line[line - 1] = []
        by_line[line] = row
    return by_line


def _fits(row: Sequence[str], width: int) -> bool:
    """Whether a row has that many columns; empty extra ones do not count. With one column, every row fits."""
    return len(row) == width or width == 1 or (len(row) > width and not any(row[width:]))
