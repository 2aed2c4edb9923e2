"""One evaluation of a search: a candidate with given settings, cross-validated until it is hopeless."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from firstline.search.space import Value
from firstline.steps import run_to_end
from firstline.training.candidates import find_candidate
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Folds
from firstline.training.place import Bench, problem_of

_HOPELESS_Z = 1.96


class Outcome(msgspec.Struct, frozen=True):
    """What an evaluation found: `score` is macro-F1, 0 to 1, over all messages.

    Where it was given up, it is as far below that of the rival as it was on the messages of the folds that were
    trained: others may be harder. `guesses` has the place of a class for each labelled message, -1 where no fold
    was trained that held the message out. A failure has a `problem`, and a score of 0.
    """

    score: float
    n_folds: int
    seconds: float
    guesses: tuple[int, ...] = ()
    problem: str = ""

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped before the last fold."""
        return -1 in self.guesses

    @property
    def is_whole(self) -> bool:
        """Whether all folds were trained."""
        return not self.problem and not self.is_stopped


@dataclass(frozen=True, eq=False)
class TrialTask:
    """The task of `evaluate`; each is its own, whatever its settings."""

    settings: Mapping[str, Value]
    rival: tuple[int, ...] = ()

    def __call__(self, bench: Bench) -> Outcome:
        return evaluate(bench, self.settings, self.rival)

    def failed(self, problem: str, seconds: float) -> Outcome:
        return Outcome(0.0, 0, seconds, problem=problem)


def evaluate(bench: Bench, settings: Mapping[str, Value], rival: Sequence[int] = ()) -> Outcome:
    """Cross-validate the candidate. `rival` are the guesses of the best so far.

    A candidate that falls behind it is stopped after the fold that shows it, see `is_hopeless`. What the candidate
    raises becomes the outcome's problem.
    """
    started = time.perf_counter()
    try:
        return _cross_validated(bench, settings, rival, started)
    # A bad choice of settings may raise anything, and is not the end of the search.
    except Exception as error:
        return Outcome(0.0, 0, round(time.perf_counter() - started, 2), problem=problem_of(error))


def _cross_validated(bench: Bench, settings: Mapping[str, Value], rival: Sequence[int], started: float) -> Outcome:
    chosen = {**bench.context.chosen, bench.candidate: {**bench.context.chosen_for(bench.candidate), **settings}}
    context = replace(bench.context, chosen=chosen)
    make = run_to_end(prepare_for(find_candidate(bench.candidate), context, bench.data))
    truth = bench.truth
    guesses = np.full(len(truth), -1, np.int64)
    n_folds = 0
    for fold in Folds(bench.data, bench.folds, 1, bench.seed).train_all(make):
        guesses[fold.held_out] = fold.probabilities.argmax(axis=1)
        n_folds += 1
        if len(rival) and n_folds < bench.folds and is_hopeless(guesses, np.array(rival), truth):
            break
    done = guesses >= 0
    score = _macro_f1(truth[done], guesses[done])
    if not done.all():
        answers = np.array(rival)
        score += _macro_f1(truth, answers) - _macro_f1(truth[done], answers[done])
    return Outcome(
        score=max(score, 0.0),
        n_folds=n_folds,
        seconds=round(time.perf_counter() - started, 2),
        guesses=tuple(guesses.tolist()),
    )


def _macro_f1(truth: NDArray[np.int64], guesses: NDArray[np.int64]) -> float:
    return float(f1_score(truth, guesses, average="macro", zero_division=0))


def is_hopeless(guesses: NDArray[np.int64], rival: NDArray[np.int64], truth: NDArray[np.int64]) -> bool:
    """Whether a candidate is behind its rival by more than chance explains, on the messages it has classified.

    All arrays are (n_messages,), places of classes; -1 among `guesses` is a message that was not asked yet. A paired
    test as in racing (Maron and Moore 1994, Birattari et al. 2002): the mean of the differences, each class weighing
    the same as in macro-F1, is below 0 by 1.96 standard errors.
    """
    done = guesses >= 0
    weights = 1 / np.maximum(np.bincount(truth), 1)[truth][done]
    is_right, was_right = guesses[done] == truth[done], rival[done] == truth[done]
    differences = weights * (is_right.astype(float) - was_right)
    error = differences.std() / np.sqrt(len(differences))
    return bool(differences.mean() + _HOPELESS_Z * error < 0)
