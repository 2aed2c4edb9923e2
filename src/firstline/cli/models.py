"""`firstline models` and `firstline models show`; its other verbs are in `champions`."""

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
ModelsOption = Annotated[
    Path | None, typer.Option("--models", metavar="DIR", help="A folder of models instead of a workspace.")
]


@app.callback()
def models(
    context: typer.Context,
    workspace: WorkspaceOption = None,
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the models of the workspace, newest first; the champion is the one that serves."""
    if context.invoked_subcommand is not None:
        context.obj = workspace, models
        return
    from firstline.bundle.files import size_bytes
    from firstline.bundle.registry import champion_id, list_models, model_folder, offering_another
    from firstline.errors import BundleError

    folder, _ = folder_of(workspace, models)
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
    models: ModelsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one model: figures per class, data, settings."""
    import msgspec

    from firstline.bundle.files import read_manifest
    from firstline.bundle.registry import champion_id, model_folder

    folder, place = folder_of(workspace or context.obj[0], models or context.obj[1])
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


def locked(folder: Path, place: "Workspace", command: str) -> "AbstractContextManager[None]":
    """The lock of a workspace's models. Outside a workspace no other command changes them."""
    return place.hold("models", command) if folder == place.models else nullcontext()


def folder_of(workspace: Path | None, models: Path | None) -> "tuple[Path, Workspace]":
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
