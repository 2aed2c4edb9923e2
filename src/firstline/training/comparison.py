"""One candidate's line in the table of `firstline train`: what it said of messages that it did not learn from."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import size_bytes, write_bundle
from firstline.bundle.manifest import Calibration, Manifest
from firstline.bundle.predictor import calibrate
from firstline.errors import TrainingError
from firstline.evaluation.calibration import calibration_error, fit_temperature
from firstline.evaluation.metrics import Difference, Figures, score_repeated
from firstline.evaluation.serving_cost import serving_cost
from firstline.store.messages import Labelled
from firstline.training.candidates.base import Candidate, Learner
from firstline.training.folds import Fold, split, train_fold
from firstline.training.mixture import Mixture, fit_mixture
from firstline.training.one_fold import OneFold, Problem
from firstline.training.runs import Cost, Run
from firstline.types import Label

BLEND = "blend.v1"
Send: TypeAlias = Callable[[Sequence[OneFold]], Generator[tuple[Any, Fold | Problem], None, None]]
"""Has folds trained elsewhere; each comes back with its task."""


@dataclass(frozen=True)
class Row:
    """One candidate in the table.

    `differences` are those to the run's reference, by metric; `mixture` is what a blend is made of.
    """

    candidate: str
    figures: Figures
    calibration: Calibration
    calibration_error: float
    calibration_error_before: float
    training_s: float
    latency_ms: Mapping[str, float]
    memory_bytes: int
    size_bytes: int
    differences: Mapping[str, Difference] | None = None
    mixture: Mixture | None = None


@dataclass(frozen=True)
class Failed:
    """A candidate that gave no figures, and why."""

    candidate: str
    reason: str


@dataclass(frozen=True)
class Answers:
    """What a candidate said, out of fold: `probabilities` (n_repeats, n_messages, n_labels).

    `learned`, (n_repeats, n_messages), tells whether the fold had messages of the message's class.
    """

    probabilities: NDArray[np.float32]
    learned: NDArray[np.bool_]
    seconds: float

    def labels(self, names: Sequence[Label]) -> list[list[Label]]:
        return [[names[place] for place in repeat.argmax(axis=1)] for repeat in self.probabilities]


def is_within(most_ms: float | None, latency_ms: Mapping[str, float]) -> bool:
    """Whether the 99th percentile is, in hundredths of a millisecond as the table shows it, at most that."""
    return most_ms is None or round(latency_ms["p99"], 2) <= most_ms


class Comparison:
    """The same folds for all candidates, kept in a run as they are done."""

    def __init__(
        self,
        data: Labelled,
        folds: int,
        repeats: int,
        seed: int,
        run: Run,
        working_folder: Callable[[], AbstractContextManager[Path]],
    ) -> None:
        self.data = data
        self.folds = folds
        self.repeats = repeats
        self.seed = seed
        self.run = run
        self._working_folder = working_folder
        self.names = sorted(set(data.labels))
        place = {name: index for index, name in enumerate(self.names)}
        self.truth = np.array([place[label] for label in data.labels], np.int64)
        self._splits = [split(data.labels, folds, self._seed_of(repeat)) for repeat in range(repeats)]
        self._measured = 0, folds
        self.answers: dict[str, Answers] = {}
        self.costs: dict[str, Cost] = {}

    def ask(
        self,
        name: str,
        make: Callable[[], Learner],
        draft: Callable[[Candidate], Manifest],
        send: Send | None = None,
    ) -> Generator[int, None, Row]:
        """Cross-validate a candidate; yields how many of its folds are done.

        `draft` gives the manifest, without parts, of a trained candidate, for measuring what it costs
        to serve: that one is trained here, the others by `send` where it is given. Raises what fitting raises.
        """
        probabilities = np.zeros((self.repeats, len(self.truth), len(self.names)), np.float32)
        learned = np.zeros(probabilities.shape[:2], np.bool_)
        seconds = 0.0
        cost = self.run.cost(name)
        measured: Fold | None = None
        folds = self._folds(name, make, send, is_one_needed=cost is None)
        for n_done, (repeat, fold) in enumerate(folds, start=1):
            probabilities[repeat, fold.held_out] = fold.probabilities
            learned[repeat, fold.held_out] = fold.learned[self.truth[fold.held_out]]
            seconds += fold.seconds
            if cost is None and (repeat, fold.number) == self._measured:
                measured = fold
            yield n_done
        if cost is None:
            # Not before: on one machine the other folds take what an answer needs.
            assert measured and measured.fitted  # noqa: S101 (it is trained here)
            cost = self._cost(measured, draft(measured.fitted))
            self.run.keep_cost(name, cost)
        self.answers[name] = Answers(probabilities, learned, seconds)
        self.costs[name] = cost
        return self._row(name, self.answers[name], cost)

    def n_missing(self, name: str) -> int:
        """How many folds of a candidate have to be trained: those that are not kept, and one to measure costs with."""
        needed = {self._measured} if self.run.cost(name) is None else set()
        places = product(range(self.repeats), range(1, self.folds + 1))
        return len(needed | {place for place in places if self._kept(name, *place) is None})

    def blend(self, members: Sequence[str], latency_ms: float | None = None) -> Row | None:
        """The best mixture of `members`, which were asked before; None where one alone is best.

        The weights for each fold come from what was said of the others, so its figures are honest;
        the weights that stay come from all. It costs what its parts cost together: at the 99th percentile no more
        than `latency_ms`, where that is given.
        """
        # In whole milliseconds, so that what else the machine did does not choose the parts.
        medians = {name: round(self.costs[name].latency_ms["p50"]) for name in members}

        def fits(names: Sequence[str]) -> bool:
            return is_within(latency_ms, self._together(names).latency_ms)

        mixed = np.zeros_like(self.answers[members[0]].probabilities)
        for repeat in range(self.repeats):
            said = {name: self.answers[name].probabilities[repeat] for name in members}
            learned = np.all([self.answers[name].learned[repeat] for name in members], axis=0)
            for others, held_out in self._splits[repeat]:
                rest = {name: found[others] for name, found in said.items()}
                mixture = fit_mixture(rest, self.truth[others], medians, learned[others], fits)
                mixed[repeat, held_out] = mixture.predict_proba({name: found[held_out] for name, found in said.items()})
        learned = np.all([self.answers[name].learned for name in members], axis=0)
        flat = {name: np.concatenate(list(self.answers[name].probabilities)) for name in members}
        whole = fit_mixture(flat, np.tile(self.truth, self.repeats), medians, learned.reshape(-1), fits)
        if len(whole.weights) == 1:
            return None
        cost = self._together(list(whole.weights))
        seconds = sum(self.answers[name].seconds for name in whole.weights)
        self.answers[BLEND], self.costs[BLEND] = Answers(mixed, learned, seconds), cost
        return self._row(BLEND, self.answers[BLEND], cost, whole)

    def _together(self, names: Sequence[str]) -> Cost:
        """What candidates cost that answer one after the other."""
        parts = [self.costs[name] for name in names]
        return Cost(
            latency_ms={name: round(sum(part.latency_ms[name] for part in parts), 3) for name in ("p50", "p99")},
            memory_bytes=sum(part.memory_bytes for part in parts),
            size_bytes=sum(part.size_bytes for part in parts),
            settings={},
        )

    def _folds(
        self, name: str, make: Callable[[], Learner], send: Send | None, is_one_needed: bool
    ) -> Generator[tuple[int, Fold], None, None]:
        """All folds, each with its repeat: first those that are kept, then those that are trained, and kept.

        The last one of the first repeat is trained here, whether it is kept or not, where `is_one_needed`.
        """
        needed = [self._measured] if is_one_needed else []
        missing: list[tuple[int, int]] = []
        for repeat in range(self.repeats):
            for number in range(1, self.folds + 1):
                if (repeat, number) in needed:
                    continue
                if kept := self._kept(name, repeat, number):
                    yield repeat, kept
                else:
                    missing.append((repeat, number))
        tasks = [OneFold(repeat, number, self._seed_of(repeat)) for repeat, number in missing]
        # Closed, whatever happens here, so that nobody works for nothing.
        with closing(send(tasks) if send and tasks else _nothing()) as coming:
            for repeat, number in needed if send else [*missing, *needed]:
                yield repeat, self._keep(name, repeat, self._train(make, repeat, number))
            for task, fold in coming:
                if isinstance(fold, Problem):
                    raise TrainingError(fold.sentence)
                yield task.repeat, self._keep(name, task.repeat, fold)

    def _train(self, make: Callable[[], Learner], repeat: int, number: int) -> Fold:
        data = self.data
        learned, held_out = self._splits[repeat][number - 1]
        return train_fold(make, data.messages, data.labels, data.unlabelled, learned, held_out, number)

    def _keep(self, name: str, repeat: int, fold: Fold) -> Fold:
        self.run.keep_fold(name, repeat, fold)
        return fold

    def _seed_of(self, repeat: int) -> int:
        return (self.seed + repeat) % 2**32

    def _kept(self, name: str, repeat: int, number: int) -> Fold | None:
        """A fold of an earlier run, where it is what this fold would give."""
        fold = self.run.fold(name, repeat, number)
        if fold is None:
            return None
        held_out = self._splits[repeat][number - 1][1]
        is_right = (
            np.array_equal(fold.held_out, held_out)
            and fold.probabilities.shape == (len(held_out), len(self.names))
            and fold.learned.shape == (len(self.names),)
            and 0 <= fold.seconds < np.inf
            and fold.probabilities.dtype == np.float32
            and np.allclose(fold.probabilities.sum(axis=1), 1, atol=1e-3)
            and fold.probabilities.min() >= 0
        )
        return fold if is_right else None

    def _cost(self, fold: Fold, draft: Manifest) -> Cost:
        assert fold.fitted is not None  # noqa: S101 (the caller has looked)
        # A bundle holds a vocabulary, which is text of messages.
        with self._working_folder() as folder:
            written = write_bundle(folder, draft, fold.fitted.parts())
            bundle = folder / written.id
            found = serving_cost(bundle, [self.data.messages[place] for place in fold.held_out])
            return Cost(found.latency_ms, found.memory_bytes, size_bytes(bundle), fold.fitted.describe())

    def _row(self, name: str, answers: Answers, cost: Cost, mixture: Mixture | None = None) -> Row:
        truth = np.tile(self.truth, self.repeats)
        probabilities = np.concatenate(list(answers.probabilities))
        learned = answers.learned.reshape(-1)
        calibration = fit_temperature(probabilities[learned], truth[learned])
        error = partial(calibration_error, truth=truth)
        return Row(
            candidate=name,
            figures=score_repeated(self.data.labels, answers.labels(self.names), self.seed),
            calibration=calibration,
            calibration_error=error(calibrate(probabilities, calibration.temperature)),
            calibration_error_before=error(probabilities),
            training_s=round(answers.seconds, 2),
            latency_ms=cost.latency_ms,
            memory_bytes=cost.memory_bytes,
            size_bytes=cost.size_bytes,
            mixture=mixture,
        )


def _nothing() -> Generator[tuple[Any, Fold | Problem], None, None]:
    yield from ()
