"""`firstline status`."""

from typing import Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import agreeing, counted, next_command, print_json, print_table, say, shortened


def status(
    disagreements: Annotated[
        bool, typer.Option("--disagreements", help="Show the messages that have more than one label.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the workspace holds: messages, labels per class, disagreements, the champion."""
    from firstline.labelling.overview import overview
    from firstline.store.workspace import Workspace
    from firstline.training.candidates import checked

    place = Workspace.find(workspace)
    checked(place.settings.candidates)
    found = overview(place)
    if as_json:
        print_json(found)
        return
    if disagreements and not found.disagreements:
        say("No message has more than one label.")
        return
    if disagreements:
        for item in found.disagreements:
            where = f"{item.external_id}: " if item.external_id else ""
            say(f"{where}{' | '.join(item.labels)}\n    {shortened(item.text)}")
        say(f"{agreeing(len(found.disagreements), 'message', 'has', 'have')} more than one label.")
        say("To settle them, import a file with the right labels: " + next_command(workspace, "import FILE --relabel"))
        return
    messages = counted(found.n_messages, "message")
    say(f"{place.folder}: {messages}, {found.n_labelled:,} labelled, language {found.language}")
    if found.segments:
        say("Segments: " + ", ".join(f"{name} {count:,}" for name, count in found.segments.items()))
    if found.classes:
        print_table(("class", "labels"), [(name, f"{count:,}") for name, count in found.classes.items()], ("labels",))
    if found.none_classes:
        counts = ", ".join(f"{name} {count:,}" for name, count in found.none_classes.items())
        say(f"Labels that mean none of the classes, learned but never answered: {counts}")
    if found.disagreements:
        say(
            f"{agreeing(len(found.disagreements), 'message', 'has', 'have')} more than one label, not trained on: "
            + next_command(workspace, "status --disagreements")
        )
    for names in found.similar_classes:
        say(f"Class names that look alike: {', '.join(names)}")
    say(f"Champion: {found.champion or 'none yet'}")
