"""Options that several commands share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from firstline.store.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        help="The workspace. Default: the folder that holds firstline.toml, looked for upwards.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="The column with the message.")]
IdOption = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column with the message's id.")]
LabelOption = Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="The column with the class.")]
SegmentOption = Annotated[
    str | None, typer.Option("--segment", metavar="COLUMN", help="The column with the kind of writer.")
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
    str | None, typer.Option("--encoding", help="The encoding, such as cp1251. Default: found out.")
]
DelimiterOption = Annotated[str | None, typer.Option("--delimiter", help="The delimiter of a CSV. Default: found out.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="ID", help="A model of `firstline models`. Default: the champion.")
]


def said_columns(**given: str | None) -> dict[str, str]:
    """The columns that the caller named, by role."""
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


def temporary_room(workspace: "Workspace", out: Path | None) -> Path:
    """Where a command's temporary folders lie: in the workspace, or beside `out` where that cannot be written."""
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
