"""Cross-validates one candidate on the folds that all share; every fold is saved as soon as it is trained."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from firstline.errors import TrainingError
from firstline.evaluation.out_of_fold import OutOfFold, widened
from firstline.steps import run_to_end
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Learner
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Fold, Folds
from firstline.training.place import Bench, problem_of
from firstline.training.saved_folds import Cost, SavedFolds


@dataclass(frozen=True)
class OneFold:
    """Train fold `number`, counted from 1, of the split with `seed`; what was trained stays where it was."""

    repeat: int
    number: int
    seed: int

    def __call__(self, bench: Bench) -> Fold | str:
        try:
            fold = Folds(bench.data, bench.folds, 1, self.seed).train(_maker(bench), 0, self.number)
        # Whatever it is becomes the candidate's line in the table.
        except Exception as error:
            return problem_of(error)
        return replace(fold, fitted=None)

    def failed(self, problem: str, seconds: float) -> str:
        return problem


_made: tuple[Bench, Callable[[], Learner]] | None = None


def _maker(bench: Bench) -> Callable[[], Learner]:
    """What the folds of a bench share is made once in a process."""
    global _made  # noqa: PLW0603 (the last one)
    if _made is None or _made[0] is not bench:
        _made = bench, run_to_end(prepare_for(find_candidate(bench.candidate), bench.context, bench.data))
    return _made[1]


Send: TypeAlias = Callable[[Sequence[OneFold]], Generator[tuple[Any, Fold | str], None, None]]
"""Has folds trained elsewhere; each comes back with its task, in any order."""


def cross_validate(
    folds: Folds,
    make: Callable[[], Learner],
    saved: SavedFolds,
    measure: Callable[[Fold], Cost],
    send: Send | None = None,
) -> Generator[int, None, tuple[OutOfFold, Cost]]:
    """Answers for all labelled messages, and the cost of serving; yields how many folds are done.

    Folds that an earlier run saved are not trained again. The cost is measured on one fold, which is always trained
    on this machine; `send`, if given, has the others trained elsewhere. Raises what fitting raises.
    """
    taught = folds.data.taught
    wide = np.zeros((folds.repeats, len(folds.truth) + len(taught), len(folds.columns)), np.float32)
    learned = np.zeros((folds.repeats, len(folds.truth)), np.bool_)
    seconds = 0.0
    cost, measured = saved.cost(), None
    for n_done, (repeat, fold) in enumerate(_each(folds, make, saved, send, is_one_here=cost is None), start=1):
        wide[repeat, folds.wide_splits[repeat][fold.number - 1][1]] = widened(
            fold.probabilities, fold.none, fold.outsiders
        )
        learned[repeat, fold.held_out] = fold.learned[folds.truth[fold.held_out]]
        seconds += fold.seconds
        if (repeat, fold.number) == folds.measured:
            measured = fold
        yield n_done
    if cost is None:
        assert measured is not None  # noqa: S101 (that fold was trained here)
        # After all folds, since other processes of this machine may train them until then.
        cost = measure(measured)
        saved.save_cost(cost)
    return OutOfFold.of_wide(wide, learned, seconds, taught=bool(taught)), cost


def missing_folds(folds: Folds, saved: SavedFolds) -> list[tuple[int, int]]:
    """The places of folds that have to be trained: those not saved, and one to measure the cost with."""
    needed = [folds.measured] if saved.cost() is None else []
    return [place for place in folds.places if place in needed or _saved(folds, saved, place) is None]


def _each(
    folds: Folds, make: Callable[[], Learner], saved: SavedFolds, send: Send | None, is_one_here: bool
) -> Generator[tuple[int, Fold], None, None]:
    """All folds, each with its repeat: first those that are saved, then those that have to be trained."""
    missing = missing_folds(folds, saved)
    for place in folds.places:
        if place not in missing and (fold := _saved(folds, saved, place)):
            yield place[0], fold
    here = missing if send is None else [folds.measured] * is_one_here
    tasks = [
        OneFold(repeat, number, folds.seed_of(repeat)) for repeat, number in missing if (repeat, number) not in here
    ]
    # Closed whatever happens here, so that nobody works for nothing.
    with closing(send(tasks) if send and tasks else _nothing()) as coming:
        for repeat, number in here:
            fold = folds.train(make, repeat, number)
            saved.save_fold(repeat, fold)
            yield repeat, fold
        for task, found in coming:
            if isinstance(found, str):
                raise TrainingError(found)
            saved.save_fold(task.repeat, found)
            yield task.repeat, found


def _saved(folds: Folds, saved: SavedFolds, place: tuple[int, int]) -> Fold | None:
    """A fold of an earlier run, if it is what this fold would give."""
    fold = saved.fold(*place)
    return fold if fold and folds.fits(place[0], fold) else None


def _nothing() -> Generator[tuple[Any, Fold | str], None, None]:
    yield from ()
