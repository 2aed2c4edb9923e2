"""A whole training on a few messages, for tests, and a candidate that counts how often it is trained."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Self

from firstline.settings import Settings
from firstline.steps import Stage
from firstline.store.messages import Labelled
from firstline.training.candidates.base import Context
from firstline.training.candidates.linear import Linear
from firstline.training.request import TrainingRequest
from firstline.training.results import TrainEvent
from firstline.training.runs import RunCard, RunRow
from firstline.training.train import TrainReport, train
from firstline.types import Label, Message
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


class Counted(Linear):
    """A candidate that counts how often it is trained."""

    n_fits = 0
    fails_in = 0
    error: BaseException = KeyboardInterrupt()
    n_prepared = 0

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        cls.n_prepared += 1
        return (yield from super().prepare(context, messages))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        type(self).n_fits += 1
        if type(self).n_fits == type(self).fails_in:
            raise type(self).error
        return super().fit(messages, labels, unlabelled)


def kept_folds(models: Path) -> list[Path]:
    return sorted(models.parent.glob(f"{models.name}-runs/*/counted.v1/*.npz"))


def by_name(card: RunCard) -> dict[str, RunRow]:
    return {row.candidate: row for row in card.rows}
