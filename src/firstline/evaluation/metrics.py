"""Accuracy, macro-F1 and macro precision, each with a 95 % interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.manifest import ClassMetrics
from firstline.types import Label

METRICS = ("accuracy", "macro_f1", "macro_precision")
_RESAMPLES = 1_000
_Z = 1.959964


@dataclass(frozen=True)
class Figures:
    """How predictions compare with labels. Intervals are (low, high), 95 %."""

    n_messages: int
    accuracy: float
    macro_f1: float
    macro_precision: float
    intervals: Mapping[str, tuple[float, float]]
    per_class: Mapping[Label, ClassMetrics]


def score(truth: Sequence[Label], predicted: Sequence[Label], seed: int = 0) -> Figures:
    """Figures for predictions, (n_messages,) each.

    Macro averages run over the classes that occur in either, as in scikit-learn; a class that is
    never predicted has precision 0. Intervals: Wilson's for accuracy (1927), which holds at 100 %
    too; percentile bootstrap over messages, 1,000 resamples, for the others (Efron and Tibshirani
    1993), where a class that a resample lacks keeps its figure.
    """
    if not truth:
        raise ValueError("no messages to score")
    names = sorted({*truth, *predicted})
    place = {name: index for index, name in enumerate(names)}
    true = np.array([place[name] for name in truth])
    guess = np.array([place[name] for name in predicted])
    counts = _count(true, guess, len(names))
    f1, precision = _f1_and_precision(counts)
    accuracy = float((true == guess).mean())
    per_class = {
        name: ClassMetrics(
            precision=float(precision[index]),
            recall=float(counts.hits[index] / max(counts.support[index], 1)),
            f1=float(f1[index]),
            support=int(counts.support[index]),
        )
        for index, name in enumerate(names)
    }
    return Figures(
        n_messages=len(true),
        accuracy=accuracy,
        macro_f1=float(f1.mean()),
        macro_precision=float(precision.mean()),
        intervals={"accuracy": wilson(accuracy, len(true)), **_bootstrap(true, guess, len(names), seed)},
        per_class=per_class,
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of `n`."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


@dataclass(frozen=True)
class _Counts:
    """Messages per class, (n_labels,): guessed right, of the class, guessed to be of it."""

    hits: NDArray[np.int64]
    support: NDArray[np.int64]
    guessed: NDArray[np.int64]


def _count(true: NDArray[np.int64], guess: NDArray[np.int64], n_labels: int) -> _Counts:
    return _Counts(
        np.bincount(true[true == guess], minlength=n_labels),
        np.bincount(true, minlength=n_labels),
        np.bincount(guess, minlength=n_labels),
    )


def _f1_and_precision(counts: _Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both per class, (n_labels,)."""
    f1 = 2 * counts.hits / np.maximum(counts.support + counts.guessed, 1)
    return f1, counts.hits / np.maximum(counts.guessed, 1)


def _bootstrap(
    true: NDArray[np.int64], guess: NDArray[np.int64], n_labels: int, seed: int
) -> dict[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    whole_f1, whole_precision = _f1_and_precision(_count(true, guess, n_labels))
    resampled = np.empty((_RESAMPLES, 2))
    for row in range(_RESAMPLES):
        drawn = rng.integers(0, len(true), len(true))
        counts = _count(true[drawn], guess[drawn], n_labels)
        f1, precision = _f1_and_precision(counts)
        absent = (counts.support + counts.guessed) == 0
        resampled[row] = (
            np.where(absent, whole_f1, f1).mean(),
            np.where(absent, whole_precision, precision).mean(),
        )
    low, high = np.percentile(resampled, [2.5, 97.5], axis=0)
    return {
        "macro_f1": (float(low[0]), float(high[0])),
        "macro_precision": (float(low[1]), float(high[1])),
    }
