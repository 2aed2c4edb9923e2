"""Options that several commands share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firstline.messages.records import ReadingOptions
    from firstline.settings import Settings
    from firstline.store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        help="The workspace's folder. Default: the nearest one with a firstline.toml, here or above.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="The column with the message.")]
IdOption = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column with the message's id.")]
LabelOption = Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="The column with the class.")]
SegmentOption = Annotated[
    str | None,
    typer.Option("--segment", metavar="COLUMN", help="The column with the kind of writer, such as customer."),
]
SentAtOption = Annotated[
    str | None, typer.Option("--sent-at", metavar="COLUMN", help="The column with the time of sending.")
]
ConversationOption = Annotated[
    str | None,
    typer.Option(
        "--conversation", metavar="COLUMN", help="The column with the conversation's id, in an export of conversations."
    ),
]
AuthorOption = Annotated[
    str | None,
    typer.Option("--author", metavar="COLUMN", help="The column that says who wrote, in an export of conversations."),
]
AgentValuesOption = Annotated[
    str | None,
    typer.Option("--agent-values", metavar="A,B", help="The values of the author column that mean support."),
]
EncodingOption = Annotated[
    str | None, typer.Option("--encoding", help="The encoding, such as cp1251. Default: detected.")
]
DelimiterOption = Annotated[str | None, typer.Option("--delimiter", help="The delimiter of a CSV. Default: detected.")]
SheetOption = Annotated[
    str | None,
    typer.Option("--sheet", metavar="NAME", help="The sheet of a workbook, by name or number. Default: detected."),
]
HeaderRowOption = Annotated[
    int | None,
    typer.Option("--header-row", min=1, metavar="N", help="The line that names the columns. Default: detected."),
]
NoHeaderOption = Annotated[
    bool, typer.Option("--no-header", help="The file has no header line; its columns are called 1, 2, ... (--text 2).")
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="ID", help="The model's id; `firstline models` lists them. Default: the champion."),
]


def said_columns(**given: str | None) -> dict[str, str]:
    """The column names that the caller gave, by role."""
    return {role: name for role, name in given.items() if name is not None}


def split_values(values: str | None) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(part.strip() for part in (values or "").split(",") if part.strip())


def reading_delimiter(delimiter: str | None) -> str | None:
    """The delimiter as one character; `tab` and `\\t` mean the tab. Raises `UsageError`."""
    from firstline.errors import UsageError

    if delimiter is None:
        return None
    delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter, delimiter)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError("The delimiter must be one character.", "For example: --delimiter ';' or --delimiter tab")
    return delimiter


def reading_options(
    settings: "Settings",
    text: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    header_row: int | None,
    no_header: bool,
) -> "ReadingOptions":
    """How to read a file, from the options and the settings. Raises `UsageError`."""
    from firstline.errors import UsageError
    from firstline.messages.records import ReadingOptions

    if no_header and header_row is not None:
        raise UsageError("--no-header and --header-row cannot be combined.", "Leave one of them out.")
    return ReadingOptions(
        encoding=encoding,
        delimiter=reading_delimiter(delimiter),
        text_column=text or settings.columns.text or None,
        sheet=sheet,
        header_row=header_row,
        has_header=not no_header,
        memory_gb=settings.reading.memory_gb,
    )


def temporary_room(workspace: "Workspace", out: Path | None) -> Path:
    """The folder for a command's temporary files: in the workspace, or next to `out` if that is read-only."""
    if out is None or os.access(workspace.folder, os.W_OK):
        return workspace.temporary
    return out.parent / ".firstline-tmp"


def split_pairs(option: str, values: Sequence[str] | None) -> list[tuple[str, str]]:
    """`["a=1", "b=2"]` as pairs. Raises `UsageError`."""
    from firstline.errors import UsageError

    pairs = []
    for value in values or ():
        name, sign, text = value.partition("=")
        if not (name.strip() and sign and text.strip()):
            raise UsageError(f"'{option} {value}' is not a pair.", f"For example: {option} NAME=...")
        pairs.append((name.strip(), text.strip()))
    return pairs
