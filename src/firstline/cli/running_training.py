"""Runs a training of the workspace and shows how far it is: what `train` and `retrain` share."""

from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from firstline.cli.output import figure, note, progress, says_how_to_go_on, stages
from firstline.cli.places import cluster
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

    from firstline.retraining.in_workspace import Begin
    from firstline.steps import Stage
    from firstline.store.workspace import Workspace
    from firstline.training.request import TrainingRequest
    from firstline.training.results import TrainEvent

Made = TypeVar("Made")


def run_training(
    place: "Workspace",
    request: "TrainingRequest",
    dask: str | None,
    begin: "Begin[Made]",
    *,
    command: str = "train",
    as_json: bool,
) -> Made:
    """Run the training that `begin` starts on the workspace's data, on this machine or on the cluster at `dask`."""
    from firstline.retraining.in_workspace import in_workspace

    where = cluster(dask, place.settings, is_timed=False) if dask is not None else nullcontext()
    says = says_how_to_go_on("--fresh" if request.is_fresh else "")
    with says, where as workers, progress(as_json) as bar:
        show_stage = stages(bar)
        return run_to_end(in_workspace(place, request, begin, command, show_stage, workers), _shown(bar, show_stage))


def _shown(bar: "Progress", show_stage: "Callable[[Stage], None]") -> "Callable[[TrainEvent], None]":
    """Shows how far a training has come."""
    from firstline.steps import Note, Stage, Step
    from firstline.training.results import Skipped

    task = bar.add_task("reading", total=None)

    def show(event: "TrainEvent") -> None:
        if isinstance(event, Step):
            bar.update(task, description=event.what, completed=event.done, total=event.total)
        elif isinstance(event, Stage):
            show_stage(event)
        elif isinstance(event, Note):
            note(event.text)
        elif isinstance(event, Skipped):
            note(f"skipped {event.candidate}")
        else:
            note(f"{event.candidate}: macro-F1 {figure(event.figures.macro_f1)}")

    return show
