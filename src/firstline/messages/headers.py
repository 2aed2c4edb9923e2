"""Which row of a table names its columns: people write titles above them."""

from collections.abc import Sequence

from firstline.errors import FileUnreadable
from firstline.messages.column_names import is_plain
from firstline.messages.columns import names_text

MAX_COLUMNS = 10_000
N_SEARCHED_ROWS = 30
_EVEN_SHARE = 0.8

Row = Sequence[str]
"""The cells of a row as text; a blank row has no cells, or only empty ones."""


def find_header(rows: Sequence[Row], text_column: str | None) -> int:
    """The place of the row with the columns' names: the first that is not blank, unless it is a title.

    A row below is the header if it names `text_column`, or a usual name of the text, and has more names than
    anything above it; or if a blank row parts it from a title of one cell.
    """
    first = next((place for place, row in enumerate(rows) if _names(row)), 0)
    if not rows or names_text(rows[first], text_column):
        return first
    below = range(first + 1, min(len(rows), first + N_SEARCHED_ROWS))
    candidates = [place for place in below if _may_be_header(rows, first, place)]
    named = (place for place in candidates if names_text(rows[place], text_column))
    is_title = len(_names(rows[first])) == 1
    parted = (place for place in candidates if is_title and not _names(rows[place - 1]))
    return next(named, next(parted, first))


def check_width(path: object, n_columns: int) -> None:
    """Raises `FileUnreadable` for a table that is too wide."""
    if n_columns > MAX_COLUMNS:
        raise FileUnreadable(
            f"{path} has {n_columns:,} columns; Firstline reads at most {MAX_COLUMNS:,}.",
            "Export only the columns that you need, or name the delimiter: --delimiter ';'",
        )


def _may_be_header(rows: Sequence[Row], first: int, place: int) -> bool:
    names = _names(rows[place])
    if len(names) < 2 or len(set(names)) < len(names) or any(len(_names(row)) >= len(names) for row in rows[:place]):
        return False
    if not all(is_plain(name) for name in names):
        return False
    end = _end(rows[place])
    data = [row for row in rows[place + 1 :] if _names(row)]
    # Texts in one column, some with a comma, are not a table below a title.
    n_even = sum(len(row) > 1 and _end(row) <= end for row in data)
    return bool(data) and n_even >= _EVEN_SHARE * len(data)


def _names(row: Row) -> list[str]:
    return [cell.strip() for cell in row if cell.strip()]


def _end(row: Row) -> int:
    """The number of cells up to the last that is filled."""
    return next((place for place in range(len(row), 0, -1) if row[place - 1].strip()), 0)
