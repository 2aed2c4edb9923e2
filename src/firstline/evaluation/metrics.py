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
    """How predictions compare with labels. Intervals are (low, high), 95 %.

    `per_class` also has classes that were predicted but have no message, with a support of 0. They have no part in
    the macro averages.
    """

    n_messages: int
    accuracy: float
    macro_f1: float
    macro_precision: float
    intervals: Mapping[str, tuple[float, float]]
    per_class: Mapping[Label, ClassMetrics]


def score(truth: Sequence[Label], predicted: Sequence[Label], seed: int = 0) -> Figures:
    """Figures for predictions, (n_messages,) each; see `score_repeated`."""
    return score_repeated(truth, [predicted], seed)


def score_repeated(truth: Sequence[Label], repeats: Sequence[Sequence[Label]], seed: int = 0) -> Figures:
    """The mean figures of several predictions of the same messages; `repeats` (n_repeats, n_messages).

    Macro averages run over the classes in `truth`. A class without messages would count as 0 however good the model
    is. A prediction of such a class still lowers the recall of the right class. A class that is never predicted has
    precision 0. Intervals: Wilson's for accuracy (1927), which also holds at 100 %; the basic bootstrap over messages,
    1,000 resamples, for the others (Davison and Hinkley 1997, 5.2). If a resample lacks a class, that class keeps its
    figure. A message is drawn with the predictions of all repeats, so repeats do not count as more messages.
    Raises `ValueError` if there are no messages.
    """
    if not truth:
        raise ValueError("no messages to score")
    names = sorted({*truth, *(label for predicted in repeats for label in predicted)})
    true, guesses = _as_places(truth, repeats, names)
    counts = [_count(true, guess, len(names)) for guess in guesses]
    f1, precision = (np.mean(values, axis=0) for values in zip(*map(_f1_and_precision, counts), strict=True))
    recall = np.mean([found.hits / np.maximum(found.support, 1) for found in counts], axis=0)
    accuracy = float(np.mean([true == guess for guess in guesses]))
    per_class = {
        name: ClassMetrics(
            precision=float(precision[index]),
            recall=float(recall[index]),
            f1=float(f1[index]),
            support=int(counts[0].support[index]),
        )
        for index, name in enumerate(names)
    }
    resampled = _resampled(true, guesses, len(names), seed)
    present = counts[0].support > 0
    macro = {"macro_f1": float(f1[present].mean()), "macro_precision": float(precision[present].mean())}
    return Figures(
        n_messages=len(true),
        accuracy=accuracy,
        **macro,
        intervals={
            "accuracy": wilson(accuracy, len(true)),
            **{name: _share(*_basic(resampled[name], value)) for name, value in macro.items()},
        },
        per_class=per_class,
    )


@dataclass(frozen=True)
class Difference:
    """How much better one model is than another, with a 95 % interval."""

    value: float
    low: float
    high: float


def differences(
    truth: Sequence[Label], repeats: Sequence[Sequence[Label]], others: Sequence[Sequence[Label]], seed: int = 0
) -> dict[str, Difference]:
    """For each metric, the figure of `repeats` minus that of `others`, both (n_repeats, n_messages).

    Both use the same resamples (paired bootstrap, 1,000 of them). A message that is hard for both therefore does not
    widen the interval.
    """
    names = sorted({*truth, *(label for predicted in [*repeats, *others] for label in predicted)})
    found = []
    for predictions in (repeats, others):
        true, guesses = _as_places(truth, predictions, names)
        counts = [_count(true, guess, len(names)) for guess in guesses]
        present = counts[0].support > 0
        f1, precision = (
            np.mean([of_class[present] for of_class in values])
            for values in zip(*map(_f1_and_precision, counts), strict=True)
        )
        value = dict(zip(METRICS, (np.mean([true == guess for guess in guesses]), f1, precision), strict=True))
        found.append((value, _resampled(true, guesses, len(names), seed)))
    (one, resampled), (other, others_resampled) = found
    return {
        name: Difference(
            float(one[name] - other[name]),
            *_basic(resampled[name] - others_resampled[name], float(one[name] - other[name])),
        )
        for name in METRICS
    }


def f1_differences(
    truth: Sequence[Label], predicted: Sequence[Label], others: Sequence[Label], seed: int = 0
) -> dict[Label, tuple[float, float]]:
    """By class of `truth`, the F1 of `predicted` minus that of `others`, (n_messages,) each, and its standard error.

    The error is that of a paired bootstrap over messages, 1,000 resamples.
    """
    names = sorted({*truth, *predicted, *others})
    true, (guess, other) = _as_places(truth, [predicted, others], names)
    rng = np.random.default_rng(seed)

    def difference(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        one, another = (_f1_and_precision(_count(true[rows], found[rows], len(names)))[0] for found in (guess, other))
        return np.asarray(one - another)

    whole = difference(np.arange(len(true)))
    errors = np.std([difference(rng.integers(0, len(true), len(true))) for _ in range(_RESAMPLES)], axis=0)
    present = set(truth)
    return {
        name: (float(value), float(error))
        for name, value, error in zip(names, whole, errors, strict=True)
        if name in present
    }


def _as_places(
    truth: Sequence[Label], repeats: Sequence[Sequence[Label]], names: Sequence[Label]
) -> tuple[NDArray[np.int64], list[NDArray[np.int64]]]:
    place = {name: index for index, name in enumerate(names)}
    return np.array([place[name] for name in truth]), [np.array([place[name] for name in row]) for row in repeats]


def wilson(share: float, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of `n`."""
    z2 = _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return float(max(middle - half, 0.0)), float(min(middle + half, 1.0))


@dataclass(frozen=True)
class _Counts:
    """Messages per class, (n_labels,): predicted correctly, labelled with it, predicted to have it."""

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


def _resampled(
    true: NDArray[np.int64], guesses: Sequence[NDArray[np.int64]], n_labels: int, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Each metric on 1,000 resamples of the messages, averaged over the repeats: (n_resamples,) each."""
    present = np.bincount(true, minlength=n_labels) > 0
    rng = np.random.default_rng(seed)
    wholes = [_f1_and_precision(_count(true, guess, n_labels)) for guess in guesses]
    found = np.empty((_RESAMPLES, len(guesses), len(METRICS)))
    for row in range(_RESAMPLES):
        drawn = rng.integers(0, len(true), len(true))
        for repeat, (guess, (whole_f1, whole_precision)) in enumerate(zip(guesses, wholes, strict=True)):
            counts = _count(true[drawn], guess[drawn], n_labels)
            f1, precision = _f1_and_precision(counts)
            absent = (counts.support + counts.guessed) == 0
            found[row, repeat] = (
                counts.hits.sum() / len(true),
                np.where(absent, whole_f1, f1)[present].mean(),
                np.where(absent, whole_precision, precision)[present].mean(),
            )
    return dict(zip(METRICS, found.mean(axis=1).T, strict=True))


def _share(low: float, high: float) -> tuple[float, float]:
    return max(low, 0.0), min(high, 1.0)


def _basic(resampled: NDArray[np.float64], value: float) -> tuple[float, float]:
    """The basic bootstrap interval, widened if need be so that it contains the figure.

    It mirrors the percentile interval at the figure. A resample lacks some messages of small classes, so it looks worse
    than the messages it is drawn from; these in turn look worse than all messages there are, by about as much.
    """
    low, high = 2 * value - np.percentile(resampled, [97.5, 2.5])
    return min(float(low), value), max(float(high), value)
