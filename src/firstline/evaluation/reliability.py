"""Measures how far confidence is from how often answers are right."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BINS = 15
_RESAMPLES = 1_000


@dataclass(frozen=True)
class Reliability:
    """How well confidence tells which answers are right; both figures are 0 to 1, lower is better.

    `calibration_error` is the expected calibration error in 15 bins of equal size (Nixon et al. 2019). It is above 0
    by chance alone: by .02 to .03 with 1,500 messages, by about .02 with 3,000. `brier` is the mean square of the
    confidence minus 1 if the answer is right, 0 if it is wrong (Brier 1950, of this event). `intervals` has both, 95 %.
    """

    calibration_error: float
    brier: float
    intervals: Mapping[str, tuple[float, float]]


def calibration_error(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """The expected calibration error of the best class; `probabilities` (n, n_labels), `truth` (n,) indexes labels."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    order = np.argsort(confidence, kind="stable")
    return _error(confidence[order], (probabilities.argmax(axis=1) == truth)[order])


def brier(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """The Brier score of the best class, right or wrong; `probabilities` (n, n_labels), `truth` (n,) indexes labels."""
    right = probabilities.argmax(axis=1) == truth
    return float(np.square(probabilities.max(axis=1).astype(np.float64) - right).mean())


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_], seed: int = 0) -> Reliability:
    """Both figures with intervals; `confidence` and `right` are (n,), or (n_repeats, n) for the same messages.

    The intervals are bootstrap over messages, 1,000 resamples; all repeats of a message are drawn together. That of the
    Brier score is the basic one (Davison and Hinkley 1997, 5.2). A resample looks worse calibrated than the messages it
    is drawn from: the lower end of the calibration error takes that back, the upper end does not have it. The lower end
    is 0 if chance alone could give the figure (consistency resampling, Broecker and Smith 2007). Raises `ValueError` if
    there are no messages.
    """
    n_messages = int(right.shape[-1])
    if not n_messages:
        raise ValueError("no messages to measure")
    values = confidence.reshape(-1).astype(np.float64)
    order = np.argsort(values, kind="stable")
    message, values, hits = order % n_messages, values[order], right.reshape(-1)[order]
    squares = np.square(values - hits)
    error, score = _error(values, hits), float(squares.mean())
    errors, by_chance, scores = np.empty(_RESAMPLES), np.empty(_RESAMPLES), np.empty(_RESAMPLES)
    rng = np.random.default_rng(seed)
    for row in range(_RESAMPLES):
        times = np.bincount(rng.integers(0, n_messages, n_messages), minlength=n_messages)[message]
        # Repeating keeps the order, so that no resample has to be sorted.
        errors[row] = _error(np.repeat(values, times), np.repeat(hits, times))
        by_chance[row] = _error(values, rng.random(n_messages)[message] < values)
        scores[row] = (squares * times).sum() / times.sum()
    is_chance = error <= np.percentile(by_chance, 97.5)
    low = 0.0 if is_chance else 2 * error - np.percentile(errors, 97.5)
    high = error + np.percentile(errors, 97.5) - errors.mean()
    basic = 2 * score - np.percentile(scores, [97.5, 2.5])
    return Reliability(error, score, {"calibration_error": _around(error, low, high), "brier": _around(score, *basic)})


def _error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The calibration error of answers in the order of their confidence, (n,)."""
    edges = np.linspace(0, len(right), min(_BINS, len(right)) + 1).round().astype(np.int64)[:-1]
    return float(np.abs(np.add.reduceat(confidence - right, edges)).sum() / len(right))


def _around(value: float, low: float, high: float) -> tuple[float, float]:
    return max(min(float(low), value), 0.0), min(max(float(high), value), 1.0)
