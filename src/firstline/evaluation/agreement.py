"""How far people agree who label the same messages without seeing each other's labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from firstline.evaluation.metrics import wilson
from firstline.types import Label

LEAST = 30
"""With fewer messages an interval is so wide that it tells nothing."""
_RESAMPLES = 1_000
_AT_ONCE = 100


@dataclass(frozen=True)
class MixedUp:
    """Two classes, in alphabetical order, and how many messages got one from one person and one from another."""

    one: Label
    other: Label
    n_messages: int


@dataclass(frozen=True)
class ClassAgreement:
    """Of `n_messages` that anybody put into the class, all people put `n_agreed` there; `interval` is of that share."""

    label: Label
    n_messages: int
    n_agreed: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class Agreement:
    """How far people agree. Intervals are (low, high), 95 %.

    `share` is that of messages with equal labels, 0 to 1. `alpha` is corrected for agreement by chance: 1 is perfect, 0
    what chance would give; None if everything has one class. `mixed_up` starts with the most messages, `classes` with
    the most that people disagree about.
    """

    n_messages: int
    share: float
    share_interval: tuple[float, float]
    alpha: float | None
    alpha_interval: tuple[float, float] | None
    mixed_up: list[MixedUp]
    classes: list[ClassAgreement]


def agreement(units: Sequence[Sequence[Label]], seed: int = 0) -> Agreement:
    """Measure the agreement on messages, each with the labels of at least two people.

    Intervals: Wilson's for shares; for alpha the percentile bootstrap over messages, 1,000 resamples (Zapf et al. 2016,
    doi:10.1186/s12874-016-0200-9). If all people agree, all resamples are alike; the lower end then follows from that
    of the share. Raises `ValueError` if there are no messages, or one without a second label.
    """
    if not units or min(map(len, units)) < 2:
        raise ValueError("each message needs the labels of two people")
    n_equal = sum(len(set(unit)) == 1 for unit in units)
    share = n_equal / len(units)
    interval = wilson(share, len(units))
    counts = _counts(units)
    alpha = krippendorff_alpha(counts)
    return Agreement(
        n_messages=len(units),
        share=share,
        share_interval=interval,
        alpha=alpha,
        alpha_interval=None if alpha is None else _alpha_interval(counts, alpha, interval[0], seed),
        mixed_up=_mixed_up(units),
        classes=_by_class(units),
    )


def krippendorff_alpha(counts: NDArray[np.int64]) -> float | None:
    """Krippendorff's alpha for nominal data; None if all labels are of one class.

    `counts` says how many people put a message into a class, (n_messages, n_labels). Source: Krippendorff, Computing
    Krippendorff's Alpha-Reliability (2011), section D. The package `krippendorff` is not used: its licence is the GPL,
    and a bootstrap with it needs gigabytes for 150 classes.
    """
    found = _alphas(counts, np.ones((1, len(counts)), np.int64))[0]
    return None if np.isnan(found) else float(found)


def _alphas(counts: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
    """Alpha of resamples, (n_resamples,); `times` is how often each message is drawn, (n_resamples, n_messages)."""
    n_people = counts.sum(axis=1)
    unequal_pairs = (n_people**2 - (counts**2).sum(axis=1)) / (n_people - 1)
    # In floating point, since products of integers are fifty times slower.
    of_class = times.astype(np.float64) @ counts.astype(np.float64)
    n_labels = of_class.sum(axis=1)
    expected = (n_labels**2 - (of_class**2).sum(axis=1)) / (n_labels - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(expected > 0, 1 - (times @ unequal_pairs) / expected, np.nan))


def _alpha_interval(counts: NDArray[np.int64], alpha: float, lowest_share: float, seed: int) -> tuple[float, float]:
    if alpha == 1:
        of_class = counts.sum(axis=0)
        unequal_by_chance = 1 - ((of_class / of_class.sum()) ** 2).sum()
        return float(1 - (1 - lowest_share) / unequal_by_chance), 1.0
    rng = np.random.default_rng(seed)
    n = len(counts)
    found = []
    for _ in range(_RESAMPLES // _AT_ONCE):
        drawn = rng.integers(0, n, (_AT_ONCE, n))
        places = drawn + n * np.arange(_AT_ONCE)[:, None]
        times = np.bincount(places.ravel(), minlength=n * _AT_ONCE).reshape(_AT_ONCE, n)
        found.append(_alphas(counts, times))
    low, high = np.nanpercentile(np.concatenate(found), [2.5, 97.5])
    return min(float(low), alpha), max(float(high), alpha)


def _counts(units: Sequence[Sequence[Label]]) -> NDArray[np.int64]:
    place = {name: index for index, name in enumerate(sorted({name for unit in units for name in unit}))}
    counts = np.zeros((len(units), len(place)), np.int64)
    for row, unit in enumerate(units):
        for name in unit:
            counts[row, place[name]] += 1
    return counts


def _mixed_up(units: Sequence[Sequence[Label]]) -> list[MixedUp]:
    pairs = Counter(pair for unit in units for pair in combinations(sorted(set(unit)), 2))
    return [MixedUp(*pair, n) for pair, n in sorted(pairs.items(), key=lambda item: (-item[1], item[0]))]


def _by_class(units: Sequence[Sequence[Label]]) -> list[ClassAgreement]:
    anybody = Counter(name for unit in units for name in set(unit))
    everybody = Counter(unit[0] for unit in units if len(set(unit)) == 1)
    found = [
        ClassAgreement(name, n, everybody[name], wilson(everybody[name] / n, n)) for name, n in sorted(anybody.items())
    ]
    return sorted(found, key=lambda one: one.n_agreed - one.n_messages)
