"""A whole training on a few messages, for tests."""

from pathlib import Path
from typing import Any

from firstline.settings import Settings
from firstline.store.messages import Labelled
from firstline.training.request import TrainingRequest
from firstline.training.results import TrainEvent
from firstline.training.train import TrainReport, train
from tests.examples import examples

QUICK = Settings(candidates={"forest.v1": {"n_trees": 50}})
NO_CURVE = {"has_curve": False}


def run(
    models: Path, data: Labelled | None = None, candidates: tuple[str, ...] = ("linear.v1",), **asked: Any
) -> tuple[list[TrainEvent], TrainReport]:
    """Its events and its report: three folds, seed 0, and what else is `asked`; runs are kept beside `models`."""
    runs = models.parent / f"{models.name}-runs"
    training = train(
        data or examples(), QUICK, models, runs, TrainingRequest(candidates, 3, 0, **{**NO_CURVE, **asked})
    )
    events: list[TrainEvent] = []
    while True:
        try:
            events.append(next(training))
        except StopIteration as end:
            return events, end.value
