"""Evaluations in processes of their own: bad ones end, and others go on."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import numpy as np
import pytest

from firstline.search import workers
from firstline.search.evaluating import Outcome, TrialTask, evaluate
from firstline.search.workers import Limits, Workers, memory_share
from firstline.training.candidates.linear import Linear
from firstline.training.place import Task
from firstline.types import Label, Message
from tests.unit.search.benches import bench

PLENTY = Limits(120.0, 8 * 10**9)
BAD = 666.0
"""With this C, `Odd` does what its name says."""


class Odd(Linear):
    """A candidate that can go wrong in a worker, which imports it from here."""

    deed: Callable[[], object] = staticmethod(lambda: None)

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        if self.settings.C == BAD:
            self.deed()
        return super().fit(messages, labels, unlabelled)


class Crashing(Odd):
    deed = staticmethod(lambda: os.kill(os.getpid(), signal.SIGKILL))


class Slow(Odd):
    deed = staticmethod(lambda: time.sleep(60))


class Hungry(Odd):
    deed = staticmethod(lambda: np.ones(2 * 10**9))


@pytest.fixture
def odd(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers that know an odd candidate instead of linear.v1."""
    kind: type[Odd] = request.param
    monkeypatch.setattr(workers, "_begin", _begin_with(kind))
    yield


class _begin_with:  # noqa: N801 (it stands for a function)
    def __init__(self, kind: type[Odd]) -> None:
        self.kind = kind

    def __call__(self, sent: bytes, memory_bytes: int | None, n_threads: int) -> None:
        from firstline.training.candidates import linear

        linear.Linear = self.kind  # type: ignore[misc]
        _begin(sent, memory_bytes, n_threads)


_begin = workers._begin


def outcomes(pool: Workers, *values: float) -> dict[float, Outcome]:
    value_of: dict[Task[Outcome], float] = {TrialTask({"C": value}): value for value in values}
    return {value_of[task]: outcome for task, outcome in pool.run(bench(), list(value_of))}


def test_what_it_finds_is_what_is_found_here() -> None:
    with Workers(PLENTY, 2) as pool:
        found = outcomes(pool, 1.0, 30.0, 100.0)
    assert {C: outcome.guesses for C, outcome in found.items()} == {
        C: evaluate(bench(), {"C": C}).guesses for C in (1.0, 30.0, 100.0)
    }


@pytest.mark.parametrize(
    ("odd", "limits", "problem"),
    [
        (Crashing, PLENTY, "Its process ended (exit code -9)."),
        pytest.param(Slow, Limits(8.0, 8 * 10**9), "It takes more than 8 s.", marks=pytest.mark.slow),
        (Hungry, Limits(120.0, 4 * 10**9), "Out of memory."),
    ],
    indirect=["odd"],
)
@pytest.mark.usefixtures("odd")
def test_a_bad_evaluation_is_a_bad_outcome_and_the_others_go_on(limits: Limits, problem: str) -> None:
    with Workers(limits, 1) as pool:
        found = outcomes(pool, BAD, 30.0)
    assert found[BAD].problem == problem
    assert found[30.0].is_whole


def test_after_the_deadline_nothing_is_waited_for() -> None:
    with Workers(PLENTY, 1) as pool:
        assert list(pool.run(bench(), [TrialTask({"C": 1.0})], deadline=time.monotonic())) == []


def test_the_memory_of_several_is_less_than_what_is_free() -> None:
    assert 0 < 2 * memory_share(2) <= 1.1 * memory_share(1)
