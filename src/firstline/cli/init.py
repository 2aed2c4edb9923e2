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
    demo: Annotated[bool, typer.Option("--demo", help="Add demo messages, in history.csv.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Create a workspace: a folder for settings, messages and models."""
    from firstline.errors import WorkspaceExists
    from firstline.store.workspace import Workspace

    history = folder / "history.csv"
    if demo and history.exists():
        raise WorkspaceExists(f"{history} already exists.", "Name another folder, or leave out --demo.")
    workspace = Workspace.create(folder, language)
    if demo:
        from importlib.resources import files

        history.write_bytes(files("firstline.messages").joinpath("demo/history.csv").read_bytes())
    if as_json:
        print_json(
            {"workspace": str(folder), "settings": str(workspace.settings_file), "demo": str(history) if demo else None}
        )
        return
    say(f"Workspace {folder} is ready; its settings are in {workspace.settings_file}.")
    if demo:
        say(f"Demo messages to a bank's support: {history}")
    say(f"Next: {next_command(folder, f'import {shlex.quote(str(history))}' if demo else 'import FILE')}")
