"""Runs a training on the data of a workspace: its models locked, its masks up to date."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from firstline.messages.masked_again import mask_again
from firstline.retraining.before_learning import answer_before_learning
from firstline.steps import Note, Stage
from firstline.store.messages import Labelled, read_for_training
from firstline.store.workspace import Workspace
from firstline.training import require_training
from firstline.training.candidates.base import Context
from firstline.training.place import Place
from firstline.training.request import TrainingRequest
from firstline.training.results import TrainEvent

if TYPE_CHECKING:
    from firstline.search.cluster import Cluster

Made = TypeVar("Made")
Begin: TypeAlias = Callable[[Labelled, Context, Place | None], Generator[TrainEvent, None, Made]]
"""Starts a training on the data, on this machine or on a cluster."""


def in_workspace(
    place: Workspace,
    request: TrainingRequest,
    begin: Begin[Made],
    command: str,
    show_stage: Callable[[Stage], None] = lambda stage: None,
    cluster: "Cluster | None" = None,
) -> Generator[TrainEvent, None, Made]:
    """Run the training that `begin` starts, and return what it returns. `command` is what `WorkspaceBusy` names.

    `show_stage` gets the progress of long steps. Raises `ExtraMissing`, `WorkspaceBusy`, `StoreUnusable`, and what the
    training raises.
    """
    require_training()
    with place.hold("models", command):
        n_masked_again = mask_again(place)
        if n_masked_again:
            noun = "message" if n_masked_again == 1 else "messages"
            yield Note(f"the masks have changed: {n_masked_again:,} stored {noun} masked again")
        yield from map(Note, answer_before_learning(place))
        context = Context.of(place.settings, request.seed, place.language_models, place.folder, show_stage)
        context = replace(context, cluster=cluster.connected if cluster else None)
        return (yield from begin(read_for_training(place.database, place.none_classes), context, cluster))
