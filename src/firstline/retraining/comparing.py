"""Compares champion and challenger on the same labelled messages. Neither answers a message that it has learned.

The champion itself answers messages that were labelled after its training. All others are answered out of fold: by
the folds of the champion's training, and by those of the challenger's.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.predictor import Predictor
from firstline.errors import InputError
from firstline.evaluation.held_out import HeldOut, keys_of
from firstline.store.messages import Labelled
from firstline.types import Label, Message

_AT_ONCE = 256
_MOST_LOST = 0.05


@dataclass(frozen=True)
class TeamsChanges:
    """What the team did to its classes: former names with the present ones, and the classes that are out of use."""

    names_now: Mapping[Label, Label] = field(default_factory=dict)
    retired: Collection[Label] = ()

    def of(self, labels: Sequence[Label]) -> NDArray[np.object_]:
        """Labels under their present names, (n_labels,)."""
        return np.array([self.names_now.get(label, label) for label in labels], object)


_UNCHANGED = TeamsChanges()


@dataclass(frozen=True)
class Answers:
    """One model's answers to n messages: the best class and its confidence, 0 to 1, (n,) each."""

    labels: NDArray[np.str_]
    confidence: NDArray[np.float64]


@dataclass(frozen=True)
class Compared:
    """Both models' answers to n messages with the labels `truth`, (n,).

    `is_new`, (n,): labelled, or labelled otherwise, since the champion was trained. `before`, (n,), are the labels that
    the champion learned, empty for messages that it did not learn; `n_before` counts all that it learned. `champions`
    and `challengers` are the classes that each knows, under their present names and without those that the team has
    retired.
    """

    truth: NDArray[np.str_]
    is_new: NDArray[np.bool_]
    champion: Answers
    challenger: Answers
    before: NDArray[np.str_]
    n_before: Mapping[Label, int]
    champions: tuple[Label, ...]
    challengers: tuple[Label, ...]

    @property
    def common(self) -> tuple[Label, ...]:
        """The classes that both know, sorted."""
        return tuple(sorted(set(self.champions) & set(self.challengers)))

    @property
    def is_common(self) -> NDArray[np.bool_]:
        """The messages of the classes that both know, (n,)."""
        return np.isin(self.truth, self.common)


def compare(
    data: Labelled, champion: Predictor, learned: HeldOut, challenger: HeldOut, changes: TeamsChanges = _UNCHANGED
) -> Compared:
    """Answers to all messages of `data`; `learned` and `challenger` are the out-of-fold answers of the two models.

    A message whose text was masked otherwise when the champion learned it looks new. What the challenger did not
    answer, since it was labelled after its training, is left out. Raises `InputError` if more than 5 % of what either
    of them learned cannot be found.
    """
    data = _answered(data, challenger)
    keys = keys_of(data.messages)
    places = _places(learned.keys, keys)
    is_fresh = places < 0
    n_lost = _n_lost(learned, keys, changes)
    if n_lost > _MOST_LOST * len(learned.keys):
        raise InputError(
            f"{n_lost:,} of the {len(learned.keys):,} messages that the champion learned have another text now, or no"
            " label, so it cannot be told which of them it has learned.",
            "Promote by hand: firstline models promote ID",
        )
    labels = np.empty(len(places), object)
    confidence = np.empty(len(places))
    known = _of(learned)
    labels[~is_fresh], confidence[~is_fresh] = known.labels[places[~is_fresh]], known.confidence[places[~is_fresh]]
    fresh = _asked(champion, [data.messages[place] for place in np.flatnonzero(is_fresh).tolist()])
    labels[is_fresh], confidence[is_fresh] = fresh.labels, fresh.confidence
    truth = np.array(data.labels)
    taught = changes.of(learned.labels)[learned.truth]
    before = np.where(is_fresh, "", taught[places])
    is_new = before != truth
    known_to_champion = changes.of(champion.manifest.labels)
    others = _of(challenger)
    order = _places(challenger.keys, keys)
    return Compared(
        truth=truth,
        is_new=is_new,
        champion=Answers(changes.of(labels.tolist()).astype(np.str_), confidence),
        challenger=Answers(others.labels[order], others.confidence[order]),
        before=before.astype(np.str_),
        n_before=Counter(taught.tolist()),
        champions=tuple(sorted(set(known_to_champion.tolist()) - set(changes.retired))),
        challengers=challenger.labels,
    )


def _n_lost(learned: HeldOut, keys: NDArray[np.uint8], changes: TeamsChanges) -> int:
    """How many messages that the champion learned are not found any more, though their class is still in use."""
    is_gone = _places(keys, learned.keys) < 0
    was_retired = np.array([label in changes.retired for label in changes.of(learned.labels)])[learned.truth]
    return int((is_gone & ~was_retired).sum())


def _answered(data: Labelled, challenger: HeldOut) -> Labelled:
    """The labelled messages that the challenger answered. Raises `InputError` if too many of them are gone."""
    chosen = np.flatnonzero(_places(challenger.keys, keys_of(data.messages)) >= 0).tolist()
    n_lost = len(challenger.keys) - len(chosen)
    if n_lost > _MOST_LOST * len(challenger.keys):
        raise InputError(
            f"{n_lost:,} of the {len(challenger.keys):,} messages that the new model learned have another text now, or"
            " no label.",
            "Train again: firstline retrain",
        )
    if len(chosen) == len(data.messages):
        return data
    messages, labels = [data.messages[place] for place in chosen], [data.labels[place] for place in chosen]
    return replace(data, messages=messages, labels=labels)


def _of(held_out: HeldOut) -> Answers:
    best = held_out.probabilities.argmax(axis=1)
    return Answers(np.array(held_out.labels)[best], held_out.probabilities.max(axis=1).astype(np.float64))


def _asked(model: Predictor, messages: Sequence[Message]) -> Answers:
    found = [
        prediction
        for start in range(0, len(messages), _AT_ONCE)
        for prediction in model.predict(messages[start : start + _AT_ONCE])
    ]
    return Answers(np.array([one.label for one in found], np.str_), np.array([one.confidence for one in found]))


def _places(known: NDArray[np.uint8], asked: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The row of each key among the known ones, (n_asked,); -1 if it is not there."""
    place = {row.tobytes(): number for number, row in enumerate(known)}
    return np.array([place.get(row.tobytes(), -1) for row in asked], np.int64)
