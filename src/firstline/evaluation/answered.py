"""What the predictor that serves does with the messages of a file, and how often that is right."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from firstline.bundle.decisions import Decider
from firstline.bundle.predictor import Predictor
from firstline.bundle.promise import Promise
from firstline.evaluation.promises import promised
from firstline.types import Decision, Label, Message


class Answered(NamedTuple):
    """The answer to one message; `truth` is None if it is of none of the classes."""

    truth: Label | None
    predicted: Label
    confidence: float
    decision: Decision
    novelty: float | None

    @property
    def is_right(self) -> bool:
        return self.predicted == self.truth


@dataclass(frozen=True)
class Decided:
    """What was decided about n messages, and how good it was.

    `coverage` is the share that is routed, `routed_precision` the share of these that is right (None if there are
    none), `interval` the 95 % interval that was promised for it: it covers the chance in the held-out answers that the
    thresholds rest on, and the chance in these messages.
    """

    promise: Promise
    is_out_of_reach: bool
    counts: Mapping[Decision, int]
    coverage: float
    routed_precision: float | None
    interval: tuple[float, float]


@dataclass(frozen=True)
class Outsiders:
    """What was decided about messages of none of the classes.

    `recall` is the share that is called unknown, `routed` the share that is routed. `auroc`, 0 to 1, is the chance that
    one of them is less familiar than a message of a class; None if the model cannot tell.
    """

    n_messages: int
    recall: float
    routed: float
    auroc: float | None


class Confused(NamedTuple):
    """How many messages of the class `label` the model put into `predicted`, which may be the same."""

    label: Label
    predicted: Label
    n: int


def answer(predictor: Predictor, asked: Sequence[tuple[Message, Label | None]]) -> list[Answered]:
    """The answers to messages, each with its class. Raises `ScoresNotFinite`."""
    predictions = predictor.predict([message for message, _ in asked])
    return [
        Answered(label, found.label, found.confidence, found.decision, found.novelty)
        for (_, label), found in zip(asked, predictions, strict=True)
    ]


def decided(answers: Sequence[Answered], decider: Decider) -> Decided:
    """The decisions about at least one message; routing one of none of the classes is wrong."""
    found = Counter(one.decision for one in answers)
    right = sum(one.is_right for one in answers if one.decision == "route")
    held_out, n_routed = decider.held_out, found["route"]
    return Decided(
        promise=decider.promise,
        is_out_of_reach=decider.thresholds.is_out_of_reach,
        counts={decision: found[decision] for decision in ("route", "review", "unknown")},
        coverage=n_routed / len(answers),
        routed_precision=right / n_routed if n_routed else None,
        interval=promised(held_out.right, held_out.routed, n_routed),
    )


def outsiders(answers: Sequence[Answered]) -> Outsiders | None:
    """The decisions about messages of none of the classes among all answers; None if there are none."""
    outside = [one for one in answers if one.truth is None]
    if not outside:
        return None
    inside = [one.novelty for one in answers if one.truth is not None]
    return Outsiders(
        n_messages=len(outside),
        recall=sum(one.decision == "unknown" for one in outside) / len(outside),
        routed=sum(one.decision == "route" for one in outside) / len(outside),
        auroc=auroc([one.novelty for one in outside], inside),
    )


def confusion(answers: Sequence[Answered], named: Collection[Label]) -> list[Confused]:
    """How often each class of `named` was taken for which, most often first."""
    pairs = Counter((one.truth, one.predicted) for one in answers if one.truth is not None)
    found = [
        Confused(label, predicted, n)
        for (label, predicted), n in pairs.items()
        if label is not None and label in named and predicted in named
    ]
    return sorted(found, key=lambda one: (-one.n, one.label, one.predicted))


def auroc(outside: Sequence[float | None], inside: Sequence[float | None]) -> float | None:
    """The chance that a value of `outside` is above one of `inside`, 0 to 1; ties count half.

    None if one of them is empty or not known.
    """
    values = np.array([np.nan if one is None else one for one in (*outside, *inside)], float)
    if not outside or not inside or np.isnan(values).any():
        return None
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    above = ranks[: len(outside)].sum() - len(outside) * (len(outside) + 1) / 2
    return float(above / (len(outside) * len(inside)))
