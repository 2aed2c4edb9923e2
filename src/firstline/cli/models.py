"""`firstline models`, `firstline models show`, `firstline models promote`."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstline.cli.commands import Command, Group
from firstline.cli.options import JsonOption, WorkspaceOption
from firstline.cli.output import counted, figure, figure_cell, next_command, note, print_json, print_table, say, size
from firstline.cli.promising import routing_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from firstline.bundle.manifest import Manifest
    from firstline.store.workspace import Workspace

app = typer.Typer(cls=Group, help="The models of the workspace.", invoke_without_command=True)
_Id = Annotated[str, typer.Argument(metavar="ID", help="The model's id; `firstline models` lists them.")]
_ModelsOption = Annotated[
    Path | None, typer.Option("--models", metavar="DIR", help="A folder of models instead of a workspace.")
]


_WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, for `firstline models history`.")]


@app.callback()
def models(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the models of the workspace, newest first; the champion is the one that serves."""
    if context.invoked_subcommand is not None:
        context.obj = workspace, models
        return
    from firstline.bundle.files import size_bytes
    from firstline.bundle.registry import champion_id, list_models, model_folder, offering_another
    from firstline.errors import BundleError

    folder, _ = _folder(workspace, models)
    found, problems = list_models(folder)
    champion = None
    try:
        with offering_another(folder):
            champion = champion_id(folder)
            if found:
                model_folder(folder)
    except BundleError as error:
        problems.append(error)
    for problem in problems:
        note(f"{problem.message} {problem.next_step}")
    if as_json:
        print_json(
            [
                {
                    "id": item.id,
                    "candidate": item.candidate,
                    "created_at": item.measured.created_at,
                    "is_champion": item.id == champion,
                    "n_classes": len(item.labels),
                    "metrics": item.metrics,
                    "size_bytes": size_bytes(folder / item.id),
                }
                for item in found
            ]
        )
        return
    if not found:
        train = f"There is no model yet. Train one: {next_command(workspace, 'train')}"
        say(train if models is None else f"There is no model in {models}.")
        return
    _print_models(found, folder, champion)


def _print_models(found: "Sequence[Manifest]", folder: Path, champion: str | None) -> None:
    from firstline.bundle.files import size_bytes

    print_table(
        ("", "model", "trained\nsize", "labels\nclasses", "folds", "macro-F1", "accuracy"),
        [
            (
                "*" if item.id == champion else "",
                item.id,
                f"{item.measured.created_at[:10]}\n{size(size_bytes(folder / item.id))}",
                (f"{item.training.n_messages:,}" if item.training else "") + f"\n{len(item.labels):,}",
                str(item.training.folds) if item.training else "",
                figure_cell(item.metrics.macro_f1, item.metrics.intervals.get("macro_f1")) if item.metrics else "",
                figure(item.metrics.accuracy) if item.metrics else "",
            )
            for item in found
        ],
        ("labels\nclasses", "folds"),
    )
    if any(item.id == champion for item in found):
        say("* the champion, which serves")


@app.command(cls=Command)
def show(
    context: typer.Context,
    model_id: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The model's id; `firstline models` lists them. Default: the champion."),
    ] = None,
    workspace: WorkspaceOption = None,
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one model: figures per class, data, settings."""
    import msgspec

    from firstline.bundle.files import read_manifest
    from firstline.bundle.registry import champion_id, model_folder

    folder, place = _folder(workspace or context.obj[0], models or context.obj[1])
    manifest = read_manifest(model_folder(folder, model_id))
    if as_json:
        # Without a thousand figures that only loading needs.
        print_json(msgspec.structs.replace(manifest, self_check=None))
        return
    routing = routing_of(place, manifest, folder)
    _print_manifest(manifest, routing, is_champion=manifest.id == champion_id(folder))


def _print_manifest(manifest: "Manifest", routing: str, is_champion: bool) -> None:
    metrics, training = manifest.metrics, manifest.training
    say(f"{manifest.id}{', the champion' if is_champion else ''}: {counted(len(manifest.labels), 'class')}")
    say(f"  segments          {', '.join(manifest.segments) or 'none'}")
    if manifest.none:
        say("  none of these     learned beside the classes, never answered")
    say(f"  decisions         {routing}")
    if metrics is None or training is None:
        return
    trained = manifest.measured.created_at[:19].replace("T", " ")
    say(f"  trained           {trained} UTC on {counted(training.n_messages, 'labelled message')}")
    say(f"  measured by       {metrics.method}")
    for name, shown in (("accuracy", "accuracy"), ("macro_f1", "macro-F1"), ("macro_precision", "macro precision")):
        say(f"  {shown:<17} {figure(getattr(metrics, name), metrics.intervals.get(name))}")
    error = figure(metrics.calibration_error, metrics.calibration_error_interval)
    say(f"  calibration error {error}, before calibration {figure(metrics.calibration_error_before)}")
    if metrics.brier is not None:
        say(f"  Brier score       {figure(metrics.brier, metrics.brier_interval)}")
    say(f"  data fingerprint  {training.data_fingerprint[:16]}")
    for what, words in _made_of(training.candidate_settings):
        say(f"  {what:<17} {words}")
    print_table(
        ("class", "precision", "recall", "F1", "messages"),
        [
            (name, figure(item.precision), figure(item.recall), figure(item.f1), str(item.support))
            for name, item in sorted(metrics.per_class.items(), key=lambda pair: pair[1].f1)
        ],
        ("precision", "recall", "F1", "messages"),
    )


def _made_of(settings: "Mapping[str, Any]") -> "Iterator[tuple[str, str]]":
    """The mixture of a blend and the pipeline that TPOT found, at any depth of the settings."""
    weights = settings.get("weights")
    if isinstance(weights, dict):
        yield "a mixture of", ", ".join(f"{weight:.0%} {name}".replace("%", " %") for name, weight in weights.items())
    if isinstance(settings.get("pipeline"), str):
        yield "pipeline", settings["pipeline"]
    members = settings.get("members")
    for member in members.values() if isinstance(members, dict) else ():
        yield from _made_of(member)


@app.command(cls=Command)
def promote(
    context: typer.Context,
    model_id: _Id,
    workspace: WorkspaceOption = None,
    why: _WhyOption = "",
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a model the champion. A running service takes it within two seconds."""
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import champion_id, model_folder
    from firstline.bundle.registry import promote as make_champion
    from firstline.errors import BundleError

    folder, place = _folder(workspace or context.obj[0], models or context.obj[1])
    with _locked(folder, place, "models promote"):
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
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the previous champion the champion again. Run again, it goes back one more."""
    from firstline.bundle.predictor import Predictor
    from firstline.bundle.registry import rollback as go_back

    folder, place = _folder(workspace or context.obj[0], models or context.obj[1])
    with _locked(folder, place, "models rollback"):
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
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who made which model the champion, when and why; the newest first."""
    from firstline.bundle.promotions import promotions

    folder, _ = _folder(workspace or context.obj[0], models or context.obj[1])
    found = promotions(folder)[::-1]
    if as_json:
        print_json(found)
        return
    if not found:
        say("No promotion is recorded yet.")
        return
    rows = [
        (one.at[:16].replace("T", " "), one.model, one.by, ("rollback" if one.is_rollback else "") + f" {one.why}")
        for one in found
    ]
    print_table(("UTC", "champion", "by", "why"), [(*row[:3], row[3].strip()) for row in rows], ())


@app.command(cls=Command)
def prune(
    context: typer.Context,
    keep: Annotated[
        int, typer.Option(min=1, help="How many of the newest models, and of the last champions, stay.")
    ] = 5,
    workspace: WorkspaceOption = None,
    models: _ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete old models. The champion, the newest ones and the last champions stay."""
    from firstline.bundle.registry import prune as delete_old

    folder, place = _folder(workspace or context.obj[0], models or context.obj[1])
    with _locked(folder, place, "models prune"):
        gone = delete_old(folder, keep)
    if as_json:
        print_json({"deleted": gone})
    else:
        say(f"{counted(len(gone), 'model')} deleted{': ' + ', '.join(gone) if gone else ''}.")


def _locked(folder: Path, place: "Workspace", command: str) -> "AbstractContextManager[None]":
    """The lock of a workspace's models. Outside a workspace no other command changes them."""
    return place.hold("models", command) if folder == place.models else nullcontext()


def _folder(workspace: Path | None, models: Path | None) -> "tuple[Path, Workspace]":
    """The folder of models, and the workspace; outside one, its settings come from the environment.

    Raises `UsageError` if both were named, `SettingsInvalid`, and `WorkspaceMissing`.
    """
    from firstline.errors import UsageError
    from firstline.settings import settings_of_environment
    from firstline.store.workspace import Workspace

    if models is None:
        place = Workspace.find(workspace)
        return place.models, place
    if workspace is not None:
        raise UsageError("--models and --workspace exclude each other.", "Name one of them.")
    return models, Workspace(models, settings_of_environment())
