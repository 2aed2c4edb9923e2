"""`firstline status`."""

from typing import Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import print_json, print_table, say

_SHOWN_CHARS = 90


def status(
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="Show the messages that have two labels.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the workspace holds: messages, labels per class, disagreements, the champion."""
    from firstline.labelling.overview import overview
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    found = overview(place)
    if as_json:
        print_json(found)
        return
    if disagreements:
        for item in found.disagreements:
            say(f"{' | '.join(item.labels)}\n    {_shortened(item.text)}")
        say(f"{len(found.disagreements):,} messages with two labels.")
        return
    say(f"{place.folder}: {found.n_messages:,} messages, {found.n_labelled:,} labelled, language {found.language}")
    if found.segments:
        say("Segments: " + ", ".join(f"{name} {count:,}" for name, count in found.segments.items()))
    if found.classes:
        print_table(("class", "labels"), [(name, f"{count:,}") for name, count in found.classes.items()], ("labels",))
    if found.disagreements:
        say(
            f"{len(found.disagreements):,} messages have two labels and are not trained on:"
            " firstline status --disagreements"
        )
    say(f"Champion: {found.champion or 'none yet'}")


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 3] + "..."
