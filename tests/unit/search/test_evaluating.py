"""One evaluation: a cross-validation that ends where it is hopeless, and failures that are outcomes."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.errors import EncoderUnusable
from firstline.search.evaluating import evaluate, is_hopeless
from firstline.training.candidates.linear import Linear, LinearSettings
from firstline.training.folds import Folds
from firstline.types import Label, Message
from tests.unit.search.benches import bench


def test_a_whole_evaluation_has_a_guess_for_every_message() -> None:
    found = evaluate(bench(), {"C": 30.0})
    assert found.is_whole
    assert found.n_folds == 3
    assert len(found.guesses) == len(bench().data.labels)
    assert found.score > 0.9


def test_it_says_what_a_cross_validation_says() -> None:
    data = bench().data
    guesses = np.zeros(len(data.labels), np.int64)
    context = bench().context
    make = partial(Linear, context.rules, settings=LinearSettings(C=0.5, words_to=1))
    for fold in Folds(data, 3, 1, 0).train_all(make):
        guesses[fold.held_out] = fold.probabilities.argmax(axis=1)
    assert evaluate(bench(), {"C": 0.5, "words_to": 1}).guesses == tuple(guesses.tolist())


def test_what_falls_behind_is_given_up_and_scored_below_its_rival(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Linear):
        def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
            return np.eye(3, dtype=np.float32)[np.zeros(len(messages), np.int64)]

    monkeypatch.setattr("firstline.training.candidates.linear.Linear", Wrong)
    best = tuple(bench().truth.tolist())
    found = evaluate(bench(), {}, best)
    assert (found.n_folds, found.is_stopped, found.is_whole) == (1, True, False)
    assert 0 < found.score < 1


def test_what_keeps_up_is_not_given_up() -> None:
    rival = evaluate(bench(), {}).guesses
    assert evaluate(bench(), {"C": 100.0}, rival).is_whole


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (EncoderUnusable("It is broken.", "Mend it."), "It is broken."),
        (MemoryError(), "Out of memory."),
        (ValueError("no such thing"), "ValueError in test_evaluating.py, line "),
    ],
)
def test_a_failure_is_an_outcome(monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str) -> None:
    def fit(
        self: Linear, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]
    ) -> Linear:
        raise error

    monkeypatch.setattr(Linear, "fit", fit)
    found = evaluate(bench(), {})
    assert found.problem.startswith(problem)
    assert (found.score, found.is_whole) == (0.0, False)


def test_hopeless_is_behind_by_more_than_chance() -> None:
    truth = np.arange(400) % 4
    right, wrong = truth, (truth + 1) % 4
    rival = np.where(np.arange(400) % 10 == 0, wrong, right)
    assert is_hopeless(np.where(np.arange(400) % 5 == 0, wrong, right), rival, truth)
    assert not is_hopeless(rival, rival, truth)
    assert not is_hopeless(right, rival, truth)
    one_worse = rival.copy()
    one_worse[1] = wrong[1]
    assert not is_hopeless(one_worse, rival, truth)


def test_messages_that_were_not_asked_do_not_count() -> None:
    truth = np.arange(400) % 4
    guesses = np.where(np.arange(400) < 100, truth, -1)
    assert not is_hopeless(guesses, truth, truth)
