"""`firstline init`."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from firstline.cli.options import JsonOption
from firstline.cli.output import next_command, print_json, say


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace's folder.")],
    language: Annotated[
        str, typer.Option(help="The language of most messages, two or three letters: ru, en, ...")
    ] = "ru",
    demo: Annotated[bool, typer.Option("--demo", help="Put demo messages beside it, in history.csv.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a workspace: a folder with settings, a database and room for models."""
    from firstline.errors import WorkspaceExists
    from firstline.store.workspace import Workspace

    history = folder / "history.csv"
    if demo and history.exists():
        raise WorkspaceExists(f"{history} is there already.", "Name another folder, or leave out --demo.")
    workspace = Workspace.create(folder, language)
    if demo:
        from importlib.resources import files

        history.write_bytes(files("firstline.messages").joinpath("demo/history.csv").read_bytes())
    if as_json:
        print_json(
            {"workspace": str(folder), "settings": str(workspace.settings_file), "demo": str(history) if demo else None}
        )
        return
    say(f"Workspace {folder} is ready; what a team decides is set in {workspace.settings_file}.")
    if demo:
        say(f"Demo messages of a bank's first line: {history}")
    say(f"Next: {next_command(folder, f'import {shlex.quote(str(history))}' if demo else 'import FILE')}")
