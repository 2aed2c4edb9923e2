"""`firstline keys add`, `firstline keys list`, `firstline keys revoke`."""

from pathlib import Path
from typing import Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import note, print_json, print_table, print_text, say

app = typer.Typer(cls=Group, help="The API keys of the service.", no_args_is_help=True)
_FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The file of keys, on a machine without a workspace. Default: serving.keys."
    ),
]


@app.command(cls=Command)
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses the key; the log names it.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What the key allows: classify, explain, models or metrics. Repeat it for several.",
        ),
    ] = None,
    per_minute: Annotated[
        int | None,
        typer.Option("--per-minute", min=1, metavar="N", help="Requests that it may send in a minute. Default: any."),
    ] = None,
    file: _FileOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it once; the service takes it within two seconds. Only its hash is stored."""
    from firstline.serving.keys import add_key

    added, key = add_key(_file(file, workspace), name, scope or (), per_minute)
    if as_json:
        print_json({"id": added.id, "name": added.name, "scopes": added.scopes, "key": key})
        return
    print_text(key)
    note(f"This is the key of {added.name} for {', '.join(added.scopes)}. Keep it now: it cannot be shown again.")


@app.command("list", cls=Command)
def list_(file: _FileOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the keys: names, scopes and rates. The keys themselves are not stored."""
    from firstline.serving.keys import read_keys

    keys = read_keys(_file(file, workspace))
    if as_json:
        print_json(
            [
                {
                    "id": key.id,
                    "name": key.name,
                    "scopes": key.scopes,
                    "per_minute": key.per_minute,
                    "created_at": key.created_at,
                }
                for key in keys
            ]
        )
        return
    if not keys:
        say("There are no keys.")
        return
    print_table(
        ("name", "id", "scopes", "per minute", "created"),
        [
            (
                key.name,
                key.id,
                ", ".join(key.scopes),
                f"{key.per_minute:,}" if key.per_minute else "any",
                key.created_at[:10],
            )
            for key in keys
        ],
        ("per minute",),
    )


@app.command(cls=Command)
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME_OR_ID", help="The key's name or id; see `firstline keys list`.")],
    file: _FileOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a key; the service refuses it within two seconds."""
    from firstline.serving.keys import revoke_key

    revoked = revoke_key(_file(file, workspace), name)
    if as_json:
        print_json({"id": revoked.id, "name": revoked.name})
    else:
        say(f"The key {revoked.name} ({revoked.id}) is revoked.")


def _file(file: Path | None, workspace: Path | None) -> Path:
    from firstline.errors import UsageError
    from firstline.store.workspace import Workspace

    if file is None:
        place = Workspace.find(workspace)
        return place.folder / place.settings.serving.keys
    if workspace is not None:
        raise UsageError("--file and --workspace exclude each other.", "Name one of them.")
    return file
