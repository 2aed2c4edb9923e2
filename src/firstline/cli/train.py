"""`firstline train`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstline.cli.comparison_table import COSTS, LEGEND, mixture
from firstline.cli.options import JsonOption, WorkspaceOption, split_values
from firstline.cli.output import (
    counted,
    duration,
    figure,
    figure_cell,
    is_narrow,
    next_command,
    print_json,
    print_table,
    say,
    size,
    without_name,
)
from firstline.cli.places import DaskOption
from firstline.cli.promising import routing_of
from firstline.cli.running_training import run_training
from firstline.training import require_training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firstline.bundle.learning_curve import LearningCurve
    from firstline.store.workspace import Workspace
    from firstline.training.request import TrainingRequest
    from firstline.training.results import Result
    from firstline.training.train import TrainReport

_LONG_S = 600


def train(
    candidates: Annotated[
        str | None, typer.Option(metavar="A,B", help="The candidates to compare. Default: as in firstline.toml.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, max=20, help="Number of folds. Default: as in firstline.toml.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**32 - 1, help="The same data and seed give the same model. Default: as in firstline.toml."
        ),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, max=20, help="How often to train all folds. Default: as in firstline.toml.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="How long the comparison may take, not counting the training of the best on all labels. 0: no limit."
            " Default: as in firstline.toml; no limit for candidates that --candidates names, and with --dask.",
        ),
    ] = None,
    latency_ms: Annotated[
        float | None,
        typer.Option(
            min=0, help="How long an answer may take (p99, one core). 0: no limit. Default: as in firstline.toml."
        ),
    ] = None,
    dask: DaskOption = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train everything again instead of reusing saved folds.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare candidates by cross-validation, and save the best, trained on all labels, as a model."""
    from firstline.retraining.request import request_of
    from firstline.store.workspace import Workspace

    place = Workspace.find(workspace)
    require_training()
    names = split_values(candidates)
    given = (names, folds, seed, repeats, minutes, latency_ms)
    request = request_of(place.settings, *given, is_fresh=fresh, is_on_cluster=bool(dask))
    report = _run(place, request, dask, as_json=as_json)
    if as_json:
        print_json(_as_json(report))
    else:
        _print_report(report, workspace, place)


def _run(place: "Workspace", request: "TrainingRequest", dask: str | None, *, as_json: bool) -> "TrainReport":
    """Train in the workspace, on this machine or on the cluster at `dask`, and show how far it is."""
    from firstline.training.train import train as run

    return run_training(
        place,
        request,
        dask,
        lambda data, context, where: run(data, place.settings, place.models, place.runs, request, context, where),
        as_json=as_json,
    )


def _print_report(report: "TrainReport", workspace: Path | None, place: "Workspace") -> None:
    folds, n_messages = report.folds, len(report.folds.data.messages)
    times = f" {folds.repeats} times" if folds.repeats > 1 else ""
    say(
        f"{counted(n_messages, 'labelled message')}, {counted(len(report.model.labels), 'class')},"
        f" {folds.n_folds}-fold cross-validation{times}, seed {folds.seed}; 95 % intervals below the figures"
    )
    titles = ["candidate", "macro-F1", "accuracy", "macro prec.", f"against\n{report.reference}", *COSTS]
    rows = [list(_cells(row)) for row in sorted(report.results, key=lambda row: -row.figures.macro_f1)]
    left_out = {4} if len(rows) == 1 else set()
    if is_narrow():
        left_out.add(3)
    print_table(_without(left_out, titles), [_without(left_out, row) for row in rows], COSTS)
    say(LEGEND)
    for skipped in report.skipped:
        say(f"Skipped {skipped.candidate}: {without_name(skipped.reason, skipped.candidate)}")
    if report.enough_minutes:
        names = ", ".join(one.candidate for one in report.skipped if one.needed_s)
        say(f"Rerun with --minutes {report.enough_minutes} to include {names}; finished folds are reused.")
    for row in report.results:
        if row.mixture:
            say(f"{row.candidate} is {mixture(row.mixture.weights, row.mixture.dropped, row.mixture.too_slow)}")
    model = report.model
    best = max(report.results, key=lambda row: row.figures.macro_f1)
    if best.candidate != model.candidate:
        say(f"{best.candidate} scores higher, but takes {best.latency_ms['p99']:.2f} ms (p99), over the limit.")
    if model.learning_curve:
        where = (workspace or Path(os.path.relpath(place.folder))) / "models" / model.id / "learning_curve.svg"
        say(_promise(model.learning_curve, n_messages, where))
    saved = "Saved model" if report.is_new else "The same model as before:"
    error = model.metrics.calibration_error if model.metrics else float("nan")
    again = next_command(workspace, f"runs show {report.run}")
    say(f"{saved} {model.id}; calibration error {figure(error)}. To see this table again: {again}")
    say(f"{routing_of(place, model)} See: {next_command(workspace, 'decide')}")
    if report.is_champion:
        say(f"It is the champion. Next: {next_command(workspace, 'serve')}")
    else:
        promote = next_command(workspace, f"models promote {model.id}")
        say(f"The champion is still {report.champion}. To promote the new model: {promote}")


def _promise(curve: "LearningCurve", n_labels: int, where: Path) -> str:
    """What more labels should bring, and where the chart is."""
    if curve.now is None or curve.expected is None:
        return f"The learning curve cannot yet tell what more labels would bring: {curve.note}. Chart: {where}"
    expected = figure(curve.expected.accuracy, (curve.expected.accuracy_low, curve.expected.accuracy_high))
    now = f"accuracy {figure(curve.now.accuracy)} with all {n_labels:,} labels (a fold has fewer)"
    more = f"expect {expected} with {curve.more_labels:,} more"
    return f"Learning curve of {curve.candidate}: {now}; {more}. Chart: {where}"


def _without(places: set[int], cells: "Sequence[str]") -> list[str]:
    return [cell for place, cell in enumerate(cells) if place not in places]


def _cells(row: "Result") -> tuple[str, ...]:
    figures = row.figures
    return (
        row.candidate,
        figure_cell(figures.macro_f1, figures.intervals["macro_f1"]),
        figure_cell(figures.accuracy, figures.intervals["accuracy"]),
        figure_cell(figures.macro_precision, figures.intervals["macro_precision"]),
        _difference_cell(row),
        duration(row.training_s) if row.training_s >= _LONG_S else f"{row.training_s:.1f} s",
        f"{row.latency_ms['p50']:.2f} ms\n{row.latency_ms['p99']:.2f} ms",
        f"{size(row.memory_bytes)}\n{size(row.size_bytes)}",
    )


def _difference_cell(row: "Result") -> str:
    if row.differences is None:
        return ""
    found = row.differences["macro_f1"]
    return f"{_signed(found.value)}\n{_signed(found.low)} {_signed(found.high)}"


def _signed(value: float) -> str:
    """`-.015`, `+.002`."""
    return f"{value:+.3f}".replace("0.", ".", 1)


def _as_json(report: "TrainReport") -> dict[str, object]:
    return {
        "model": report.model.id,
        "is_new": report.is_new,
        "is_champion": report.is_champion,
        "champion": report.champion,
        "n_messages": len(report.folds.data.messages),
        "n_classes": len(report.model.labels),
        "folds": report.folds.n_folds,
        "repeats": report.folds.repeats,
        "seed": report.folds.seed,
        "run": report.run,
        "reference": report.reference,
        "candidates": [
            {
                "candidate": row.candidate,
                "accuracy": row.figures.accuracy,
                "macro_f1": row.figures.macro_f1,
                "macro_precision": row.figures.macro_precision,
                "intervals": {**row.figures.intervals, **row.reliability.intervals},
                "differences": row.differences,
                "calibration_error": row.reliability.calibration_error,
                "brier": row.reliability.brier,
                "training_s": row.training_s,
                "latency_ms": row.latency_ms,
                "memory_bytes": row.memory_bytes,
                "size_bytes": row.size_bytes,
                "mixture": row.mixture,
            }
            for row in report.results
        ],
        "enough_minutes": report.enough_minutes,
        "failed": [{"candidate": skipped.candidate, "reason": skipped.reason} for skipped in report.skipped],
    }
