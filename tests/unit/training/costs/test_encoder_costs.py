"""What candidates with a sentence encoder are said to cost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from firstline.errors import EncoderUnusable
from firstline.steps import Stage
from firstline.training.costs import encoders, judge
from firstline.training.costs.encoders import EmbeddingCost, EncoderCost
from firstline.training.costs.vectors import VectorsCost
from firstline.types import Label, Message
from tests.unit.training.costs.workloads import workload


@pytest.fixture(autouse=True)
def vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that takes a second for what is not kept, and ten for everything."""

    def of(texts: list[str], encoder: object, cache: object, seed: int) -> VectorsCost:
        return VectorsCost(10.0 if cache is None else 1.0, 100, 384)

    monkeypatch.setattr(encoders, "require_encoder", lambda *_: SimpleNamespace(name="fake", id="fake"))
    monkeypatch.setattr(VectorsCost, "of", of)


class Clocked:
    """A fine-tuning whose batches take two seconds each."""

    def __init__(self, context: object = None, encoder: object = None, settings: object = None) -> None:
        self.context, self.encoder = context, encoder or SimpleNamespace(folder=Path(__file__).parent)

    @classmethod
    def prepare(cls, context: object, messages: object) -> Iterator[Stage]:
        yield from ()
        return cls  # type: ignore[return-value]

    def fit(self, messages: list[Message], labels: list[Label], unlabelled: list[Message]) -> None:
        for done in range(3):
            clock.now += 2.0
            self.context.report(Stage("tuning", done + 1, 3))  # type: ignore[attr-defined]


clock = SimpleNamespace(now=0.0)


def test_frozen_vectors_are_computed_once_and_once_more_by_what_serves() -> None:
    assert EmbeddingCost().measure(workload(2)).seconds == pytest.approx(20)


def test_fine_tuning_costs_its_batches_in_every_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "FineTuned", Clocked)
    monkeypatch.setattr(encoders, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    two, four, many = (EncoderCost().measure(replace(workload(20), folds=folds)) for folds in (2, 4, 20))
    assert four.seconds > 1.5 * two.seconds > 0
    assert many.disk_bytes < 2 * four.disk_bytes


def test_without_an_encoder_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise EncoderUnusable("there is none.", "Install one.")

    monkeypatch.setattr(encoders, "require_encoder", missing)
    assert judge("embedding.v1", workload(2)) == (False, "there is none. Install one.")
