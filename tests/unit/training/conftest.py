"""Costs of models are looked up here, since measuring one takes a process; tests of commands measure them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from firstline.bundle.files import read_manifest
from firstline.evaluation.serving_cost import ServingCost
from firstline.training import candidates as candidates_module
from firstline.training import compare
from firstline.types import Message
from tests.trainings import Counted


def cost_of(folder: Path, messages: Sequence[Message]) -> ServingCost:
    """A forest is slow."""
    p99 = 4.0 if read_manifest(folder).candidate == "forest.v1" else 1.0
    return ServingCost({"p50": p99 / 2, "p99": p99}, 1_000_000)


@pytest.fixture(autouse=True)
def costs_that_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "serving_cost", cost_of)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    monkeypatch.setitem(candidates_module.CLASSES, "counted.v1", "tests.trainings:Counted")
    monkeypatch.setattr(Counted, "n_fits", 0)
    monkeypatch.setattr(Counted, "fails_in", 0)
    monkeypatch.setattr(Counted, "n_prepared", 0)
    return Counted
