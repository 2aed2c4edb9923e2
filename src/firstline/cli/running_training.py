"""Runs a training of the workspace and shows how far it is: what `train` and `retrain` share."""

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from firstline.cli.before_training import mask_again
from firstline.cli.output import counted, figure, note, progress, says_how_to_go_on, stages
from firstline.cli.places import cluster
from firstline.steps import run_to_end

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from rich.progress import Progress

    from firstline.steps import Stage
    from firstline.store.messages import Labelled
    from firstline.store.workspace import Workspace
    from firstline.training.candidates.base import Context
    from firstline.training.place import Place
    from firstline.training.request import TrainingRequest
    from firstline.training.results import TrainEvent

Made = TypeVar("Made")


def run_training(
    place: "Workspace",
    request: "TrainingRequest",
    dask: str | None,
    begin: "Callable[[Labelled, Context, Place | None], Generator[TrainEvent, None, Made]]",
    *,
    command: str = "train",
    as_json: bool,
) -> Made:
    """Run the training that `begin` starts on the workspace's data, on this machine or on the cluster at `dask`."""
    from firstline.store.messages import read_for_training
    from firstline.training.candidates.base import Context

    settings = place.settings
    where = cluster(dask, settings, is_timed=False) if dask is not None else nullcontext()
    says = says_how_to_go_on("--fresh" if request.is_fresh else "")
    with place.hold("models", command), says, where as workers, progress(as_json) as bar:
        n_masked_again = mask_again(place)
        if n_masked_again:
            note(f"the masks have changed: {counted(n_masked_again, 'stored message')} masked again")
        show_stage = stages(bar)
        show = _shown(bar, show_stage)
        context = Context.of(settings, request.seed, place.language_models, place.folder, show_stage)
        context = replace(context, cluster=workers.connected if workers else None)
        events = begin(read_for_training(place.database, place.none_classes), context, workers)
        return run_to_end(events, show)


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
