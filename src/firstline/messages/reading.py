"""How to read a file, from what the caller says and the settings."""

from typing import TYPE_CHECKING

from firstline.errors import UsageError
from firstline.messages.records import ReadingOptions

if TYPE_CHECKING:
    from firstline.settings import Settings

ANSWERS = "predicted_"
"""How the names of the columns begin that `firstline classify` adds."""


def reading_options(
    settings: "Settings",
    text: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    no_header: bool = False,
) -> ReadingOptions:
    """How to read a file; None means as in the settings, or detected. Raises `UsageError`."""
    if no_header and header_row is not None:
        raise UsageError("--no-header and --header-row cannot be combined.", "Leave one of them out.")
    return ReadingOptions(
        encoding=encoding,
        delimiter=_delimiter(delimiter),
        text_column=text or settings.columns.text or None,
        sheet=sheet,
        header_row=header_row,
        has_header=not no_header,
        memory_gb=settings.reading.memory_gb,
    )


def said_columns(**given: str | None) -> dict[str, str]:
    """The column names that the caller gave, by role."""
    return {role: name for role, name in given.items() if name is not None}


def _delimiter(delimiter: str | None) -> str | None:
    """The delimiter as one character; `tab` and `\\t` mean the tab. Raises `UsageError`."""
    if delimiter is None:
        return None
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError("The delimiter must be one character.", "For example: --delimiter ';' or --delimiter tab")
    return delimiter
