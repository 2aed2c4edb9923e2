"""One fold of a cross-validation as a task, for `firstline train` on several machines."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from firstline.steps import run_to_end
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Learner
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Fold, split, train_fold
from firstline.training.place import Bench, problem_of


@dataclass(frozen=True)
class Problem:
    """Why a fold was not trained, in a sentence."""

    sentence: str


@dataclass(frozen=True)
class OneFold:
    """Train fold `number`, counted from 1, of the split with `seed`; what was trained stays where it was."""

    repeat: int
    number: int
    seed: int

    def __call__(self, bench: Bench) -> Fold | Problem:
        data = bench.data
        try:
            learned, held_out = split(data.labels, bench.folds, self.seed)[self.number - 1]
            make = _maker(bench)
            fold = train_fold(make, data.messages, data.labels, data.unlabelled, learned, held_out, self.number)
        # Whatever it is becomes the candidate's line in the table.
        except Exception as error:
            return Problem(problem_of(error))
        return replace(fold, fitted=None)

    def failed(self, problem: str, seconds: float) -> Problem:
        return Problem(problem)


_made: tuple[Bench, Callable[[], Learner]] | None = None


def _maker(bench: Bench) -> Callable[[], Learner]:
    """Makes what the folds of a bench share, once per process."""
    global _made  # noqa: PLW0603 (the last one)
    if _made is None or _made[0] is not bench:
        _made = bench, run_to_end(prepare_for(find_candidate(bench.candidate), bench.context, bench.data))
    return _made[1]
