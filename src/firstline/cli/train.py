"""`firstline train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.options import JsonOption, WorkspaceOption, split_values
from firstline.cli.output import (
    counted,
    figure,
    figure_cell,
    next_command,
    note,
    print_json,
    print_table,
    progress,
    say,
    says_how_to_go_on,
    size,
    stages,
)
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from firstline.store.workspace import Workspace
    from firstline.training.train import Row, TrainReport


def train(
    candidates: Annotated[
        str | None, typer.Option(metavar="A,B", help="The candidates that compete. Default: as in firstline.toml.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, max=20, help="Folds of the cross-validation. Default: as in firstline.toml.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**32 - 1, help="Same data and seed: the same model. Default: as in firstline.toml."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare candidates by cross-validation, and keep the best as a model."""
    from firstline.store.messages import read_for_training
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    require_training()
    from firstline.training.candidates.base import Note, Stage
    from firstline.training.train import Step, TrainEvent
    from firstline.training.train import train as run

    settings = place.settings
    with place.hold("models", "train"), says_how_to_go_on(), progress(as_json) as bar:
        n_masked_again = mask_again(place)
        if n_masked_again:
            note(f"the masks have changed: {counted(n_masked_again, 'stored message')} masked again")
        task = bar.add_task("reading", total=None)
        show_stage = stages(bar)
        events = run(
            read_for_training(place.database),
            settings,
            place.models,
            split_values(candidates) or settings.training.candidates,
            folds if folds is not None else settings.training.folds,
            seed if seed is not None else settings.training.seed,
            place.language_models,
            show_stage,
        )

        def show(event: TrainEvent) -> None:
            if isinstance(event, Step):
                bar.update(task, description=event.what, completed=event.done, total=event.total)
            elif isinstance(event, Stage):
                show_stage(event)
            elif isinstance(event, Note):
                note(event.text)
            else:
                note(f"{event.candidate}: macro-F1 {figure(event.figures.macro_f1)}")

        report = run_to_end(events, show)
    if as_json:
        print_json(_as_json(report))
    else:
        _print_report(report, workspace)


def mask_again(place: "Workspace") -> int:
    """Bring the stored messages up to the masks that the new model will apply."""
    from firstline.messages.importing import masker
    from firstline.messages.remasking import is_up_to_date, remask
    from firstline.store.database import writing

    patterns = place.settings.masking.patterns
    with place.database.connect() as connection:
        if is_up_to_date(connection, patterns):
            return 0
    with place.hold("messages", "train"), writing(place.database) as connection:
        return remask(connection, masker(place.settings), patterns)


def require_training(*others: str) -> None:
    """Raises `ExtraMissing` where scikit-learn, or one of `others`, is not installed."""
    from importlib.util import find_spec

    from firstline.errors import ExtraMissing

    if not all(find_spec(name) for name in ("sklearn", "scipy", *others)):
        raise ExtraMissing("Training", "train")


def _print_report(report: "TrainReport", workspace: Path | None) -> None:
    say(
        f"{counted(report.n_messages, 'labelled message')}, {report.n_classes} classes,"
        f" {report.folds}-fold cross-validation, seed {report.seed}; below each figure its 95 % interval"
    )
    print_table(
        ("candidate", "macro-F1", "accuracy", "macro prec.", "training", "latency", "size"),
        [_cells(row) for row in sorted(report.rows, key=lambda row: -row.figures.macro_f1)],
        ("training", "latency", "size"),
    )
    model = report.model
    what = "is the same as before" if not report.is_new else "is new"
    error = model.metrics.calibration_error if model.metrics else float("nan")
    say(f"Model {model.id} {what}; calibration error {error:.3f}.")
    if report.is_champion:
        say(f"It is the champion. Next: {next_command(workspace, 'serve')}")
    else:
        promote = next_command(workspace, f"models promote {model.id}")
        say(f"The champion is still {report.champion}. To change that: {promote}")


def _cells(row: "Row") -> tuple[str, ...]:
    figures = row.figures
    return (
        row.candidate,
        figure_cell(figures.macro_f1, figures.intervals["macro_f1"]),
        figure_cell(figures.accuracy, figures.intervals["accuracy"]),
        figure_cell(figures.macro_precision, figures.intervals["macro_precision"]),
        f"{row.training_s:.1f} s",
        f"{row.latency_ms['p50']:.2f} ms",
        size(row.size_bytes),
    )


def _as_json(report: "TrainReport") -> dict[str, object]:
    return {
        "model": report.model.id,
        "is_new": report.is_new,
        "is_champion": report.is_champion,
        "champion": report.champion,
        "n_messages": report.n_messages,
        "n_classes": report.n_classes,
        "folds": report.folds,
        "seed": report.seed,
        "candidates": [
            {
                "candidate": row.candidate,
                "accuracy": row.figures.accuracy,
                "macro_f1": row.figures.macro_f1,
                "macro_precision": row.figures.macro_precision,
                "intervals": row.figures.intervals,
                "calibration_error": row.calibration_error,
                "training_s": row.training_s,
                "latency_ms": row.latency_ms,
                "size_bytes": row.size_bytes,
            }
            for row in report.rows
        ],
    }
