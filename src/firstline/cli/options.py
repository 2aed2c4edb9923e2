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
        help="The workspace's folder. Default: the nearest one with a firstline.toml, here or above.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
TextOption = Annotated[str | None, typer.Option("--text", metavar="COLUMN", help="The column with the message.")]
IdOption = Annotated[str | None, typer.Option("--id", metavar="COLUMN", help="The column with the message's id.")]
LabelOption = Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="The column with the class.")]
LabelledByOption = Annotated[
    str | None, typer.Option("--labelled-by", metavar="COLUMN", help="The column that says who gave the class.")
]
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


def split_values(values: str | None) -> tuple[str, ...]:
    """`a, b` as ("a", "b")."""
    return tuple(part.strip() for part in (values or "").split(",") if part.strip())


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
