"""The verbs of `firstline models` about champions: promote, rollback, history, prune."""

from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.commands import Command
from firstline.cli.models import ModelsOption, app, folder_of, locked
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, figure, figure_cell, print_json, print_table, say

if TYPE_CHECKING:
    from firstline.store.random_answers import Measured
    from firstline.store.workspace import Workspace

__all__ = ["app"]

_Id = Annotated[str, typer.Argument(metavar="ID", help="The model's id; `firstline models` lists them.")]
_WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for `firstline models history`.")]


@app.command(cls=Command)
def promote(
    context: typer.Context,
    model_id: _Id,
    workspace: WorkspaceOption = None,
    why: _WhyOption = "",
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model the champion. A running service takes it within two seconds."""
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import champion_id, model_folder
    from firstline.bundle.registry import promote as make_champion
    from firstline.errors import BundleError

    folder, place = folder_of(workspace or context.obj[0], models or context.obj[1])
    with locked(folder, place, "models promote"):
        model_id = Predictor.load(model_folder(folder, model_id)).manifest.id
        try:
            before = champion_id(folder)
        except BundleError:
            before = None
        make_champion(folder, model_id, why)
    if as_json:
        print_json({"champion": model_id, "before": before})
    else:
        say(f"{model_id} is the champion{f', before it was {before}' if before and before != model_id else ''}.")
        say("A running service takes it within two seconds.")


@app.command(cls=Command)
def rollback(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    why: _WhyOption = "",
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the previous champion the champion again. Run again, it goes back one more."""
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import rollback as go_back

    folder, place = folder_of(workspace or context.obj[0], models or context.obj[1])
    with locked(folder, place, "models rollback"):
        now, before = go_back(folder, why, Predictor.load)
    if as_json:
        print_json({"champion": now, "before": before})
    else:
        say(f"{now} is the champion again, before it was {before}.")
        say("A running service takes it within two seconds.")


@app.command(cls=Command)
def history(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who made which model the champion, when and why, and how good each was; the newest first.

    Labels of messages that were drawn at random (import --random) measure a champion before it learns them.
    """
    import msgspec

    from firstline.bundle.promotions import promotions

    folder, place = folder_of(workspace or context.obj[0], models or context.obj[1])
    found = promotions(folder)[::-1]
    figures = _measured(place) if folder == place.models else {}
    if as_json:
        print_json([{**msgspec.structs.asdict(one), "measured": figures.get(one.model)} for one in found])
        return
    if not found:
        say("No promotion is recorded yet.")
        return
    left = dict(figures)
    rows = [
        (
            one.at[:16].replace("T", " "),
            one.model,
            # Once for each model, though it may have been the champion several times.
            *_figures(left.pop(one.model, None)),
            one.by,
            ": ".join(filter(None, ("rollback" if one.is_rollback else "", one.why))),
        )
        for one in found
    ]
    titles = ("UTC", "champion", "random\nmessages", "accuracy", "routed", "unknown", "by", "why")
    left_out = () if figures else (2, 3, 4, 5)
    shown = [[cell for place, cell in enumerate(row) if place not in left_out] for row in (titles, *rows)]
    print_table(shown[0], shown[1:], titles[2:6])
    if not figures:
        say("To see accuracy over time, label messages drawn at random, import them with --random, then retrain.")


def _measured(place: "Workspace") -> "dict[str, Measured]":
    """What random messages say of each champion; empty without a database."""
    from firstline.store.random_answers import measured

    if not place.has_database:
        return {}
    with place.database.connect() as connection:
        return {one.model: one for one in measured(connection)}


def _figures(one: "Measured | None") -> tuple[str, str, str, str]:
    from firstline.evaluation.metrics import wilson

    if one is None:
        return ("",) * 4
    accuracy = figure_cell(one.accuracy, wilson(one.accuracy, one.n_messages))
    return f"{one.n_messages:,}", accuracy, figure(one.routed), figure(one.unknown)


@app.command(cls=Command)
def prune(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(min=1, help="How many of the newest models, and of the last champions, stay.")
    ] = 5,
    workspace: WorkspaceOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete old models. The champion, the newest ones and the last champions stay."""
    from firstline.bundle.registry import prune as delete_old

    folder, place = folder_of(workspace or context.obj[0], models or context.obj[1])
    with locked(folder, place, "models prune"):
        gone = delete_old(folder, keep)
    if as_json:
        print_json({"deleted": gone})
    else:
        say(f"{counted(len(gone), 'model')} deleted{': ' + ', '.join(gone) if gone else ''}.")
