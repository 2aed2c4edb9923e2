"""Accuracy, macro-F1 and macro precision, each with a 95 % bootstrap interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.types import Label

METRICS = ("accuracy", "macro_f1", "macro_precision")
_RESAMPLES = 1_000
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class ClassFigures:
    """One class: `support` counts its messages, the rest is 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Figures:
    """How predictions compare with labels. Intervals are (low, high), 95 %."""

    n_messages: int
    accuracy: float
    macro_f1: float
    macro_precision: float
    intervals: Mapping[str, tuple[float, float]]
    per_class: Mapping[Label, ClassFigures]


def score(truth: Sequence[Label], predicted: Sequence[Label], seed: int = 0) -> Figures:
    """Figures for predictions, (n_messages,) each.

    Macro averages run over the classes that occur in either, as in scikit-learn; a class that is
    never predicted has precision 0. Intervals: percentile bootstrap over messages, 1,000 resamples
    (Efron and Tibshirani 1993).
    """
    if not truth:
        raise ValueError("no messages to score")
    names = sorted({*truth, *predicted})
    place = {name: index for index, name in enumerate(names)}
    true = np.array([place[name] for name in truth])
    guess = np.array([place[name] for name in predicted])
    whole = _metrics(*_counts(np.ones((1, len(true)), np.float32), true, guess, len(names)))
    hit, support, named = (
        counts[0] for counts in _counts(np.ones((1, len(true)), np.float32), true, guess, len(names))
    )
    per_class = {
        name: ClassFigures(
            precision=_ratio(hit[index], named[index]),
            recall=_ratio(hit[index], support[index]),
            f1=_ratio(2 * hit[index], support[index] + named[index]),
            support=int(support[index]),
        )
        for index, name in enumerate(names)
    }
    return Figures(
        n_messages=len(true),
        accuracy=float(whole[0, 0]),
        macro_f1=float(whole[0, 1]),
        macro_precision=float(whole[0, 2]),
        intervals=_intervals(true, guess, len(names), seed),
        per_class=per_class,
    )


def _intervals(
    true: NDArray[np.int64], guess: NDArray[np.int64], n_labels: int, seed: int
) -> dict[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    n_messages = len(true)
    at_once = max(1, _CELLS_AT_ONCE // n_messages)
    resampled = []
    for start in range(0, _RESAMPLES, at_once):
        size = min(at_once, _RESAMPLES - start)
        weights = rng.multinomial(n_messages, np.full(n_messages, 1 / n_messages), size).astype(np.float32)
        resampled.append(_metrics(*_counts(weights, true, guess, n_labels)))
    low, high = np.percentile(np.concatenate(resampled), [2.5, 97.5], axis=0)
    return {name: (float(low[index]), float(high[index])) for index, name in enumerate(METRICS)}


def _counts(
    weights: NDArray[np.float32], true: NDArray[np.int64], guess: NDArray[np.int64], n_labels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hits, true and predicted messages per class, each (n_resamples, n_labels)."""
    one_hot = np.eye(n_labels, dtype=np.float32)
    is_true, is_guess = one_hot[true], one_hot[guess]
    return weights @ (is_true * is_guess), weights @ is_true, weights @ is_guess


def _metrics(hit: NDArray[np.float32], support: NDArray[np.float32], named: NDArray[np.float32]) -> NDArray[np.float64]:
    """The metrics of each resample, (n_resamples, 3), in the order of `METRICS`."""
    present = (support + named) > 0
    n_present = present.sum(axis=1)
    f1 = 2 * hit / np.maximum(support + named, 1)
    precision = hit / np.maximum(named, 1)
    return np.stack(
        [
            hit.sum(axis=1) / support.sum(axis=1),
            (f1 * present).sum(axis=1) / n_present,
            (precision * present).sum(axis=1) / n_present,
        ],
        axis=1,
    ).astype(np.float64)


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
