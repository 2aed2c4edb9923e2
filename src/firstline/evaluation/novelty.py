"""Fits the detector of unknown messages on out-of-fold answers, and applies it to answers it was not fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.novelty import (
    FAMILIAR,
    LEAST_OF_A_CENTRE,
    MOST_CENTRES,
    MOST_CENTRES_IN_ALL,
    NoveltyDetector,
    Reference,
    Signal,
    log_odds,
    squashed,
)
from firstline.bundle.outsiders import without_none
from firstline.evaluation.out_of_fold import OutOfFold

LEAST_OUTSIDERS = 20
"""Messages of none of the classes from which weights are fitted; with fewer, they follow from the classes alone."""
_SHRINKAGE = 0.3
_DISTANCE_PER_CORRELATION, _MOST_DISTANCE = 3.0, 2.0
_LEAST_VARIANCE, _LEAST_DEVIATION = 1e-6, 1e-6
_DIGITS = 4
_MOST_ANSWERS = 20_000
_PENALTY, _STEPS = 1.0, 50


@dataclass(frozen=True)
class FittedNovelty:
    """The detector for the bundle, and the novelty of each held-out answer by what other folds tell.

    `held_out` is (n_repeats, n); `outsiders`, (n_repeats, m), is empty without messages of none of the classes.
    """

    detector: NoveltyDetector
    held_out: NDArray[np.float32]
    outsiders: NDArray[np.float32]


def fit_novelty(answers: OutOfFold, truth: NDArray[np.int64], folds: NDArray[np.int64]) -> FittedNovelty:
    """Fit on uncalibrated answers of the first repeat, since a centre is the mean of different messages.

    `truth`, (n,), indexes the labels; `folds`, (n,), is the fold of the first repeat that held a message out.

    A signal is measured in deviations of held-out messages. With 20 or more messages of none of the classes, the
    weights are those of a logistic regression that tells them from the others. Without, entropy and doubt weigh 1, and
    the distance as much as it goes along with both: in some data the farthest answers are only the surest ones. The
    limit is passed by 2.5 % of the messages of the classes.
    """
    n_repeats, n_messages, n_labels = answers.probabilities.shape
    reference = reference_of(*_some(answers.probabilities[0], truth))
    by_repeat = np.empty((n_repeats, n_messages, 3 if answers.none is None else 4))
    for fold in np.unique(folds):
        held_out = folds == fold
        others = reference_of(*_some(answers.probabilities[0, ~held_out], truth[~held_out]))
        asked = answers.probabilities[:, held_out].reshape(-1, n_labels)
        none = None if answers.none is None else answers.none[:, held_out].reshape(-1)
        by_repeat[:, held_out] = others.signals(asked, none).reshape(n_repeats, -1, by_repeat.shape[2])
    outside = _outsiders(answers, reference)
    usual = by_repeat[0]
    means, deviations = usual.mean(axis=0), np.maximum(usual.std(axis=0), _LEAST_DEVIATION)
    weights = _weights((usual - means) / deviations, (outside[0] - means) / deviations)
    signals = tuple(
        Signal(round(float(mean), _DIGITS), max(round(float(deviation), _DIGITS), 1e-4), round(float(weight), _DIGITS))
        for mean, deviation, weight in zip(means, deviations, weights, strict=True)
    )
    unlimited = NoveltyDetector(reference, signals, 0.0)
    limit = round(float(np.percentile(unlimited.score(usual), FAMILIAR)), _DIGITS)
    detector = NoveltyDetector(reference, signals, limit)
    n_signals = by_repeat.shape[2]
    return FittedNovelty(
        detector,
        squashed(detector.score(by_repeat.reshape(-1, n_signals))).reshape(n_repeats, n_messages),
        squashed(detector.score(outside.reshape(-1, n_signals))).reshape(n_repeats, -1),
    )


def _some(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """At most 20,000 answers, (n, n_labels), and their classes, (n,): large classes are sampled at random."""
    if len(truth) <= _MOST_ANSWERS:
        return probabilities, truth
    counts = np.bincount(truth)
    most = int(counts.max())
    while np.minimum(counts, most).sum() > _MOST_ANSWERS and most > 1:
        most = max(1, int(most * 0.9))
    shuffled = np.random.default_rng(0).permutation(len(truth))
    ordered = shuffled[np.argsort(truth[shuffled], kind="stable")]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    drawn = np.sort(ordered[np.arange(len(truth)) - starts < most])
    return probabilities[drawn], truth[drawn]


def reference_of(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Reference:
    """What uncalibrated answers, (n, n_labels), to messages of the classes `truth`, (n,), look like.

    The covariance within classes is shrunk to a multiple of the identity (Ledoit and Wolf 2004, with a fixed share).
    """
    odds = log_odds(probabilities).astype(np.float64)
    n_labels = odds.shape[1]
    counts = np.bincount(truth, minlength=n_labels)
    means = np.zeros((n_labels, n_labels))
    np.add.at(means, truth, odds)
    means /= np.maximum(counts, 1)[:, None]
    rest = odds - means[truth]
    covariance = rest.T @ rest / len(rest)
    spread = max(float(np.trace(covariance)) / n_labels, _LEAST_VARIANCE)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * spread * np.eye(n_labels)
    values, vectors = np.linalg.eigh(covariance)
    # Symmetric, since the eigenvectors themselves may differ from machine to machine.
    whitening = (vectors / np.sqrt(np.maximum(values, _LEAST_VARIANCE))) @ vectors.T
    whitened = odds @ whitening
    most = max(1, min(MOST_CENTRES, MOST_CENTRES_IN_ALL // n_labels))
    centres = [group for place in np.flatnonzero(counts) for group in group_means(whitened[truth == place], most=most)]
    # Without any class of three messages: what all of them have in common.
    found = np.stack(centres) if centres else whitened.mean(axis=0, keepdims=True)
    return Reference(np.round(whitening, _DIGITS).astype(np.float32), np.round(found, _DIGITS).astype(np.float32))


def group_means(
    rows: NDArray[np.float64], least: int = LEAST_OF_A_CENTRE, most: int = MOST_CENTRES
) -> list[NDArray[np.float64]]:
    """The means of groups of at least `least` similar rows, (n, n_dimensions), at most `most`; none if n is smaller.

    Microaggregation as it is done to publish figures about people: MDAV (Domingo-Ferrer and Mateo-Sanz 2002). The row
    that is farthest from the mean is grouped with those nearest to it, then the row that is farthest from that one.
    """
    if len(rows) < least:
        return []
    size = max(least, -(-len(rows) // most))
    left = rows
    means = []

    def take(row: NDArray[np.float64]) -> None:
        nonlocal left
        order = np.argsort(((left - row) ** 2).sum(axis=1), kind="stable")
        means.append(left[order[:size]].mean(axis=0))
        left = left[np.sort(order[size:])]

    while len(left) >= 2 * size:
        first = left[((left - left.mean(axis=0)) ** 2).sum(axis=1).argmax()]
        take(first)
        if len(left) >= 2 * size:
            take(left[((left - first) ** 2).sum(axis=1).argmax()])
    return [*means, left.mean(axis=0)]


def _outsiders(answers: OutOfFold, reference: Reference) -> NDArray[np.float64]:
    """The signals of the messages of none of the classes, (n_repeats, m, n_signals)."""
    if answers.outsiders is None:
        return np.empty((len(answers.probabilities), 0, 3))
    team, none = without_none(answers.outsiders)
    found = reference.signals(team.reshape(-1, team.shape[2]), none.reshape(-1))
    return found.reshape(*none.shape, found.shape[1])


def _weights(usual: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of signals in deviations; `usual` are those of the classes, `outside` of none of them."""
    if len(outside) >= LEAST_OUTSIDERS:
        return _regression(usual, outside)
    doubt, distance = usual[:, 0] + usual[:, 1], usual[:, 2]
    together = float(np.corrcoef(doubt, distance)[0, 1]) if doubt.std() and distance.std() else 0.0
    weights = [1.0, 1.0, min(_MOST_DISTANCE, _DISTANCE_PER_CORRELATION * max(together, 0.0))]
    return np.array([*weights, *[1.0] * (usual.shape[1] - 3)])


def _regression(usual: NDArray[np.float64], outside: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights, none below 0, of a logistic regression in which both kinds count the same; by Newton's method."""
    rows = np.clip(np.concatenate([usual, outside]), -5, 5)
    rows = np.concatenate([rows, np.ones((len(rows), 1))], axis=1)
    truth = np.repeat([0.0, 1.0], [len(usual), len(outside)])
    share = np.repeat([0.5 / len(usual), 0.5 / len(outside)], [len(usual), len(outside)]) * len(rows)
    kept = np.ones(rows.shape[1], np.bool_)
    while True:
        weights = _newton(rows[:, kept], truth, share)
        negative = (weights < 0) & (np.arange(len(weights)) < len(weights) - 1)
        if not negative.any():
            found = np.zeros(rows.shape[1])
            found[kept] = weights
            return found[:-1]
        kept[np.flatnonzero(kept)[negative]] = False


def _newton(rows: NDArray[np.float64], truth: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.zeros(rows.shape[1])
    penalty = np.full(len(weights), _PENALTY)
    penalty[-1] = 1e-6
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-rows @ weights))
        slope = rows.T @ (share * (chance - truth)) + penalty * weights
        curvature = (rows * (share * chance * (1 - chance))[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return weights
