"""Which column names may be shown, and whether the first line of a file holds names at all.

A file without a header has its first message where the names should be, and an error that lists "its
columns" would print that message.
"""

import re
from collections.abc import Collection, Sequence

from firstline.text.masks import Masker
from firstline.text.rules import nfc, white_space

_LONGEST_SHOWN_CHARS = 50
_MOST_WORDS = 6
_MOST_SHOWN = 20
_VALUE = re.compile(r"[\d\s.,:;/+()\-]*\d[\d\s.,:;/+()\-]*")
_SENTENCE_END = re.compile(r"[.!?…]$")
_REPEATED = re.compile(r"(.*) \((\d+)\)")
_HEADERS = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")


def describe_columns(columns: Sequence[str], suffix: str) -> str:
    """A sentence on the columns of a file, for an error; `suffix` is the ending of its name.

    It repeats only what looks like a name. If the first line looks like a row, it says so instead.
    """
    if has_no_names(columns, suffix):
        return "The first line does not look like column names"
    plain = [name for name in columns if is_plain(name)]
    more, hidden = len(plain) - _MOST_SHOWN, len(columns) - len(plain)
    parts = [
        ", ".join(plain[:_MOST_SHOWN]),
        f"{more:,} more" if more > 0 else "",
        f"{hidden:,} whose name is not shown" if hidden else "",
    ]
    return f"Its columns: {' and '.join(part for part in parts if part)}"


def unused_columns(columns: Sequence[str], used: Collection[str]) -> tuple[str, ...]:
    """The names of unused columns, except those that must not be shown."""
    return tuple(name for name in columns if name and name not in used and is_plain(name))


def names_columns(suffix: str) -> bool:
    """Whether a file with this ending has a line that names its columns: a table, not objects."""
    return suffix.lower() in _HEADERS


def has_no_names(columns: Sequence[str], suffix: str) -> bool:
    """Whether the first row of a file with this ending seems to be data, not names of columns."""
    return names_columns(suffix) and looks_like_row(columns)


def looks_like_row(columns: Sequence[str]) -> bool:
    """Whether these cells look like a row of data: a number, a sentence, personal data, or the same cell twice."""
    return any(not is_plain(name) or _is_repeated(name, columns) for name in columns if name)


def is_plain(name: str) -> bool:
    """Whether a name is short, is not a number or sentence, and is unchanged by masking."""
    words = name.split()
    if len(name) > _LONGEST_SHOWN_CHARS or len(words) > _MOST_WORDS:
        return False
    if _VALUE.fullmatch(name) or (len(words) > 1 and _SENTENCE_END.search(name)):
        return False
    return Masker()(name) == nfc(white_space(name))


def _is_repeated(name: str, columns: Sequence[str]) -> bool:
    """`unique_names` gives a repeated name its place: `text (3)`."""
    found = _REPEATED.fullmatch(name)
    return found is not None and found[1] in columns and columns.index(name) == int(found[2]) - 1
