"""From held-out answers and what the team asks for to the confidence that an answer needs to be acted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord

LEAST_ROUTED = 30
"""Fewer messages back no promise."""
LEAST_OF_A_CLASS = 100
"""With so many routed messages a class has a threshold of its own."""
_DOUBT = 0.5
_Z = 1.0
"""For a one-sided bound of 84 %."""
NEVER = 2.0
"""A threshold that no confidence reaches."""


@dataclass(frozen=True)
class Thresholds:
    """A message is routed if its confidence is at least that of its predicted class, `by_class`, (n_labels,).

    `common` is that of all classes but those in `own`, which index the labels. If `is_out_of_reach`, the answers cannot
    keep what was asked for.
    """

    by_class: NDArray[np.float64]
    common: float
    own: tuple[int, ...] = ()
    is_out_of_reach: bool = False

    def routes(self, record: AnswerRecord) -> NDArray[np.bool_]:
        """Which answers are at or above their threshold, (n,)."""
        return np.asarray(record.confidence >= self.by_class[record.predicted])


def for_precision(record: AnswerRecord, may_route: NDArray[np.bool_], precision: float, n_labels: int) -> Thresholds:
    """The lowest thresholds at which at least this share of the routed messages should be right.

    Only answers in `may_route`, (n,), can be routed. A class of which enough messages are routed has the threshold at
    which it keeps the promise by itself, if enough are left; the others share one. If not even the most confident
    answers keep the promise, nothing is routed.
    """
    common = _lowest(record, may_route, precision, LEAST_ROUTED)
    if common is None:
        return Thresholds(np.full(n_labels, NEVER), NEVER, is_out_of_reach=True)
    by_class = np.full(n_labels, common)
    is_routed = may_route & (record.confidence >= common)
    n_routed = np.bincount(record.predicted[is_routed], minlength=n_labels) / record.n_repeats
    own: dict[int, float] = {}
    for place in np.flatnonzero(n_routed >= LEAST_OF_A_CLASS):
        of_class = may_route & (record.predicted == place)
        lowest = _lowest(record, of_class, precision, LEAST_OF_A_CLASS)
        if lowest is not None:
            own[int(place)] = lowest
    if own:
        rest = may_route & ~np.isin(record.predicted, list(own))
        common = _lowest(record, rest, precision, LEAST_ROUTED)
        common = NEVER if common is None else common
        by_class[:] = common
        by_class[list(own)] = list(own.values())
    return Thresholds(by_class, common, tuple(own))


def for_review(
    record: AnswerRecord, may_route: NDArray[np.bool_], stays: int, review: float, n_labels: int
) -> Thresholds:
    """The highest threshold at which at most the share `review` of all answers goes to people.

    `stays` answers go to people whatever their confidence; those in neither group are unknown messages. If `stays` is
    too many, the promise is out of reach, and all others are routed.
    """
    confidences = np.sort(record.confidence[may_route]).astype(float)
    n_below = int(review * len(record.confidence)) - stays
    if n_below < 0 or not len(confidences):
        return Thresholds(np.zeros(n_labels), 0.0, is_out_of_reach=True)
    common = float(confidences[min(n_below, len(confidences) - 1)])
    return Thresholds(np.full(n_labels, common), common)


def _lowest(record: AnswerRecord, wanted: NDArray[np.bool_], precision: float, least: int) -> float | None:
    """The lowest confidence above which the wanted answers keep the promise; None if no `least` messages keep it.

    The share of right answers is first made to rise with the confidence (isotonic regression by
    pool-adjacent-violators, Ayer et al. 1955). The share that is right as counted goes up and down by chance, and the
    lowest place where it is high enough would be a lucky one. Then half a wrong answer is added, and the lower end of
    a one-sided 84 % interval must keep the promise. The interval knows nothing of the search for this place, so new
    messages keep the promise less often than the interval says: benchmarks.promises measures how often.
    """
    confidence = record.confidence[wanted][::-1].astype(float)
    right = monotone(record.right[wanted][::-1].astype(float))
    n = np.arange(1, len(right) + 1) / record.n_repeats
    share = (np.cumsum(right) / record.n_repeats) / (n + _DOUBT)
    kept = share - _Z * np.sqrt(share * (1 - share) / n)
    # Answers of the same confidence are routed together.
    is_end = np.append(confidence[1:] < confidence[:-1], True) if len(right) else np.empty(0, np.bool_)
    fits = np.flatnonzero(is_end & (n >= least) & (kept >= precision))
    return float(confidence[fits[-1]]) if len(fits) else None


def monotone(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest values, by squares, that never rise from one to the next, (n,)."""
    means: list[float] = []
    sizes: list[int] = []
    for value in values.tolist():
        mean, size = value, 1
        while means and means[-1] < mean:
            mean = (mean * size + means[-1] * sizes[-1]) / (size + sizes[-1])
            size += sizes.pop()
            means.pop()
        means.append(mean)
        sizes.append(size)
    return np.repeat(np.array(means, float), np.array(sizes, int))
