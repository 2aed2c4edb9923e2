"""Stratified cross-validation: a candidate's answers to messages that it did not learn from."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from firstline.bundle.outsiders import without_none
from firstline.errors import LabelsTooFew
from firstline.evaluation.out_of_fold import are_answers
from firstline.store.messages import Labelled
from firstline.training.candidates.base import Fitted, Learner
from firstline.types import NONE, Label


@dataclass(frozen=True)
class Fold:
    """One fold's held-out messages, `held_out` (n_held_out,), and their probabilities.

    `learned`, (n_labels,), tells which classes the fold had messages of. `seconds` are those that it takes where
    nothing is there to take over. `fitted` is what was trained, None for a fold of an earlier run, or of another
    machine. If messages of none of the classes are taught: `none`, (n_held_out,), is the probability of that, and
    `outsiders`, (n_none_held_out, n_labels + 1), are the answers to those held out, `NONE` last.
    """

    number: int
    held_out: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    learned: NDArray[np.bool_]
    seconds: float
    fitted: Fitted | None
    none: NDArray[np.float32] | None = None
    outsiders: NDArray[np.float32] | None = None


def usable_folds(labels: Sequence[Label], folds: int) -> tuple[int, list[str]]:
    """The number of folds that the labels allow, at most `folds`, and notes on what is thin.

    Raises `LabelsTooFew` if there is nothing to learn.
    """
    counts = Counter(labels)
    if len(counts) < 2:
        found = f"one class, '{next(iter(counts))}'" if counts else "no labelled messages"
        raise LabelsTooFew(
            f"Training needs at least two classes, but the workspace has {found}.",
            "Import a file with labels: firstline import FILE --label COLUMN",
        )
    largest = max(counts.values())
    if largest < 2:
        raise _too_thin(f"each of the {len(counts)} classes has only one message")
    usable = min(folds, largest)
    notes = []
    if usable < folds:
        notes.append(f"{usable} folds instead of {folds}: the largest class has {largest} messages")
    thin = sorted((count, name) for name, count in counts.items() if count < usable)
    for count, name in thin:
        messages = "1 message, so it is learned but cannot be checked" if count == 1 else f"{count} messages"
        notes.append(f"class '{name}' has fewer messages than folds: {messages}")
    return usable, notes


@dataclass(frozen=True)
class Folds:
    """The folds that all candidates of a training share: `n_folds` of them, drawn `repeats` times."""

    data: Labelled
    n_folds: int
    repeats: int
    seed: int

    @property
    def n_all(self) -> int:
        """Folds of all repeats."""
        return self.n_folds * self.repeats

    @property
    def places(self) -> list[tuple[int, int]]:
        """Repeat, from 0, and number, from 1, of every fold."""
        return list(product(range(self.repeats), range(1, self.n_folds + 1)))

    @property
    def measured(self) -> tuple[int, int]:
        """The place of the fold whose model is measured: what it costs to serve."""
        return 0, self.n_folds

    @cached_property
    def names(self) -> list[Label]:
        """The classes, sorted: the columns of all probabilities."""
        return sorted(set(self.data.labels))

    @property
    def columns(self) -> list[Label]:
        """The classes and, if messages of none of them are taught, `NONE`."""
        return [*self.names, *[NONE] * bool(self.data.taught)]

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """The column of each message's class, (n_messages,)."""
        return np.unique(self.data.labels, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def splits(self) -> list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
        """By repeat and fold, the places of messages to learn from and to hold out; each class is spread evenly."""
        labels = self.data.labels
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            return [
                list(
                    StratifiedKFold(self.n_folds, shuffle=True, random_state=self.seed_of(repeat)).split(labels, labels)
                )
                for repeat in range(self.repeats)
            ]

    @cached_property
    def wide_splits(self) -> list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
        """As `splits`, with the places of messages of none of the classes behind those of the others."""
        places = np.arange(len(self.data.taught)) + len(self.truth)
        found = []
        for repeat, splits in enumerate(self.splits):
            held = np.random.default_rng(self.seed_of(repeat)).permutation(len(places)) % self.n_folds
            found.append(
                [
                    (np.append(learned, places[held != number]), np.append(held_out, places[held == number]))
                    for number, (learned, held_out) in enumerate(splits)
                ]
            )
        return found

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """In the first repeat, the number of the fold that holds out each message, (n_messages,)."""
        numbers = np.empty(len(self.truth), np.int64)
        for number, (_, held_out) in enumerate(self.splits[0], start=1):
            numbers[held_out] = number
        return numbers

    def seed_of(self, repeat: int) -> int:
        return (self.seed + repeat) % 2**32

    def fits(self, repeat: int, fold: Fold) -> bool:
        """Whether a fold that an earlier run saved is what this one would be, and holds probabilities."""
        held_out, asked = (splits[repeat][fold.number - 1][1] for splits in (self.splits, self.wide_splits))
        n_outside = len(asked) - len(held_out) if self.data.taught else None
        return bool(
            np.array_equal(fold.held_out, held_out)
            and are_answers(fold.probabilities, fold.none, fold.outsiders, (len(held_out), len(self.names)), n_outside)
            and fold.learned.shape == (len(self.names),)
            and 0 <= fold.seconds < np.inf
        )

    def train(self, make: Callable[[], Learner], repeat: int, number: int) -> Fold:
        """Train a new candidate on what a fold learns, and ask it about what the fold holds out.

        Probabilities have a column for each of the sorted labels; a class that the fold did not learn gets 0 there.
        Raises `LabelsTooFew`, and what fitting raises.
        """
        started = time.perf_counter()
        learned, asked = self.wide_splits[repeat][number - 1]
        held_out = self.splits[repeat][number - 1][1]
        messages, all_labels = self.data.learned
        labels = [all_labels[place] for place in learned]
        if len({*labels} - {NONE}) < 2:
            raise _too_thin(f"in fold {number} only one class is left to learn from")
        fitted = make().fit([messages[place] for place in learned], labels, self.data.unlabelled)
        columns = [self.columns.index(name) for name in fitted.labels_]
        wide = np.zeros((len(asked), len(self.columns)), np.float32)
        wide[:, columns] = fitted.predict_proba([messages[place] for place in asked])
        is_learned = np.isin(np.arange(len(self.names)), columns)
        seconds = time.perf_counter() - started + fitted.borrowed_s
        if not self.data.taught:
            return Fold(number, held_out, wide, is_learned, seconds, fitted)
        probabilities, none = without_none(wide[: len(held_out)])
        return Fold(number, held_out, probabilities, is_learned, seconds, fitted, none, wide[len(held_out) :])

    def train_all(self, make: Callable[[], Learner]) -> Iterator[Fold]:
        """Every fold of every repeat, trained in this process. Raises what `train` raises."""
        for repeat, number in self.places:
            yield self.train(make, repeat, number)


def _too_thin(why: str) -> LabelsTooFew:
    return LabelsTooFew(
        f"There are too few labelled messages to check a model: {why}.",
        "Label more messages, at first about ten per class.",
    )
