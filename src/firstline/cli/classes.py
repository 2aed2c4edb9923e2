"""`firstline classes` and its verbs."""

import shlex
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, listed, next_command, note, print_json, print_table, say
from firstline.cli.overlapping import note_overlaps, note_similar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from firstline.store.class_changes import ClassOfTeam
    from firstline.store.workspace import Workspace

app = typer.Typer(cls=Group, help="The team's classes.", invoke_without_command=True)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="The class; `firstline classes` lists them.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


@app.callback()
def classes(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the classes with their labels, those with the most first."""
    if context.invoked_subcommand is not None:
        context.obj = workspace
        return
    from firstline.store.class_changes import list_classes
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    with place.database.connect() as connection:
        found = list_classes(connection)
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"There are no classes yet. Import labels, or add one: {next_command(workspace, 'classes add NAME')}")
        return
    rows = [(one.name, f"{one.n_labels:,}", _remark(one), one.description or "") for one in found]
    print_table(("class", "labels", "remark", "what belongs there"), rows, ("labels",))
    note_overlaps(place, {one.name for one in found})


def _remark(one: "ClassOfTeam") -> str:
    former = f"once {listed(one.former_names)}" if one.former_names else ""
    return "\n".join(filter(None, ("retired" if one.retired_at else "", former)))


@app.command(cls=Command)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that people see.")],
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What belongs there, in a sentence.")
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a class. Models learn it from its first labels on."""
    from firstline.messages.importing import masker
    from firstline.store.class_changes import add_class

    with _changing(context, workspace, "classes add") as (place, connection):
        name = add_class(connection, name, masker(place.settings)(description or ""))
    if place.settings.classes.fixed and name not in place.settings.classes.fixed:
        note("[classes] fixed in firstline.toml lists the only classes: an import rejects others")
    note_similar(place, {name})
    _say(f"'{name}' is a class. It needs labels, about ten at first.", {"class": name}, as_json=as_json)


@app.command(cls=Command)
def rename(
    context: typer.Context,
    name: _Name,
    new: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a class another name. Its labels stay; models answer with the old name until you train again."""
    from firstline.store.class_changes import rename_class

    with _changing(context, workspace, "classes rename") as (place, connection):
        new = rename_class(connection, name, new)
    _warn(place, name)
    _say(
        f"'{name}' is '{new}' now. Models answer with the name that they learned until you train again:"
        f" {next_command(workspace or context.obj, 'retrain')}",
        {"class": new, "before": name},
        as_json=as_json,
    )


@app.command(cls=Command)
def describe(
    context: typer.Context,
    name: _Name,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What belongs there, in a sentence.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what belongs into a class."""
    from firstline.messages.importing import masker
    from firstline.store.class_changes import describe_class

    with _changing(context, workspace, "classes describe") as (place, connection):
        text = masker(place.settings)(text)
        describe_class(connection, name, text)
    _say(f"'{name}': {text}", {"class": name, "description": text}, as_json=as_json)


@app.command(cls=Command)
def merge(
    context: typer.Context,
    name: _Name,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The class that its messages get.")],
    yes: _Yes = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give all messages of a class another class instead. `firstline classes undo` takes it back."""
    from firstline.bundle.promotions import user_name
    from firstline.store.merges import merge_classes, merger
    from firstline.store.workspace import Workspace

    # Ask before taking the lock, so that nobody has to wait for the answer.
    with Workspace.find(workspace or context.obj).database.connect() as reading:
        planned = merger(reading, name, into)
    both = f"; {counted(planned.n_had_both, 'message')} have both, and keep '{into}'" if planned.n_had_both else ""
    _ask(f"{counted(planned.n_moved, 'label')} of '{name}' become '{into}'{both}.", yes=yes)
    with _changing(context, workspace, "classes merge") as (place, connection):
        planned = merge_classes(connection, name, into, user_name())
    _warn(place, name)
    _say(
        f"'{name}' has no labels any more: {counted(planned.n_moved, 'label')} moved to '{into}'."
        f" To take it back: {next_command(workspace or context.obj, 'classes undo')}",
        {"class": into, "merged": name, "n_moved": planned.n_moved, "n_had_both": planned.n_had_both},
        as_json=as_json,
    )


@app.command(cls=Command)
def retire(
    context: typer.Context,
    name: _Name,
    yes: _Yes = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a class out of use. Its labels stay stored, but are not learned; their messages count as unlabelled."""
    from firstline.store.class_changes import count_labels_of, retire_class
    from firstline.store.workspace import Workspace

    with Workspace.find(workspace or context.obj).database.connect() as reading:
        n_labels = count_labels_of(reading, name)
    _ask(f"{counted(n_labels, 'label')} of '{name}' will not be learned any more.", yes=yes)
    with _changing(context, workspace, "classes retire") as (place, connection):
        n_labels = retire_class(connection, name)
    _warn(place, name)
    back = next_command(workspace or context.obj, f"classes restore {shlex.quote(name)}")
    _say(
        f"'{name}' is retired. To use it again: {back}",
        {"class": name, "n_labels": n_labels},
        as_json=as_json,
    )


@app.command(cls=Command)
def restore(
    context: typer.Context, name: _Name, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Use a retired class again, with all its labels."""
    from firstline.store.class_changes import retire_class

    with _changing(context, workspace, "classes restore") as (_, connection):
        n_labels = retire_class(connection, name, is_back=True)
    _say(
        f"'{name}' is in use again, with {counted(n_labels, 'label')}.",
        {"class": name, "n_labels": n_labels},
        as_json=as_json,
    )


@app.command(cls=Command)
def undo(context: typer.Context, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Take back the last merge. Labels that were given or changed since stay as they are."""
    from firstline.errors import UsageError
    from firstline.store.merges import last_merge, separate_class

    with _changing(context, workspace, "classes undo") as (_, connection):
        last = last_merge(connection)
        if last is None:
            raise UsageError("There is no merge to take back.", "Imports are taken back by: firstline import --undo")
        undone = separate_class(connection, last[0])
    stay = f" {counted(undone.n_stay, 'label')} changed since, and stay as they are." if undone.n_stay else ""
    _say(
        f"Taken back: {last[1]}. {counted(undone.n_back, 'label')} restored.{stay}",
        {"undone": last[1], "n_labels_back": undone.n_back, "n_labels_stay": undone.n_stay},
        as_json=as_json,
    )


@contextmanager
def _changing(context: typer.Context, workspace: Path | None, command: str) -> "Iterator[tuple[Workspace, Connection]]":
    """The workspace, with its messages locked, and a transaction."""
    from firstline.store.database import writing
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace or context.obj)
    with place.hold("messages", command), writing(place.database) as connection:
        yield place, connection


def _ask(what: str, *, yes: bool) -> None:
    """Ask whether to go ahead. Raises `typer.Abort` if the answer is no, `UsageError` if stdin is not a terminal."""
    from firstline.errors import UsageError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(what, "To do it without being asked: --yes")
    note(what)
    typer.confirm("Do it?", abort=True, err=True)


def _warn(place: "Workspace", name: str) -> None:
    """Point out the settings that name the class, which the command does not change."""
    settings = place.settings
    named = {
        "[classes] fixed": settings.classes.fixed,
        "[classes] none": settings.classes.none,
        "[decisions] always_review": settings.decisions.always_review,
    }
    for setting, names in named.items():
        if name in names:
            note(
                f"{setting} in firstline.toml names '{name}'. Add the new name there; take the old one out once the"
                " champion no longer answers it"
            )


def _say(text: str, values: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        say(text)
