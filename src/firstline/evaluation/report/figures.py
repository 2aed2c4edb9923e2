"""Figures of the report: how far confidence can be trusted, and each class with its intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.learning_curve import LearningCurve
from firstline.bundle.manifest import ClassMetrics
from firstline.evaluation import reliability as measured
from firstline.evaluation.metrics import wilson
from firstline.evaluation.report.data import (
    ClassRow,
    ConfidenceBin,
    Confidences,
    Difference,
    Growth,
    GrowthPoint,
    Level,
    Reliability,
    Share,
)
from firstline.evaluation.report.routing import share
from firstline.types import Label

MORE_LABELS = 300
_N_LEVELS, _LEAST_IN_A_LEVEL = 10, 20
_N_BINS, _SURE = 20, 0.8
_Z = 1.959964


def reliability(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Reliability:
    """Groups of equal size by confidence, and the calibration error with its interval."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    n = len(truth)
    order = np.argsort(confidence, kind="stable")
    groups = np.array_split(order, max(1, min(_N_LEVELS, n // _LEAST_IN_A_LEVEL)))
    levels = tuple(
        Level(float(confidence[group].mean()), share(int(right[group].sum()), len(group))) for group in groups
    )
    found = measured.reliability(confidence, right)
    return Reliability(levels, Share(found.calibration_error, *found.intervals["calibration_error"], n))


def confidences(confidence: NDArray[np.float32], right: NDArray[np.bool_]) -> Confidences:
    """Twenty bins from 0 to 1; both arguments are (n_messages,)."""
    edges = np.linspace(0, 1, _N_BINS + 1)
    n_right, n_wrong = (np.histogram(confidence[chosen], edges)[0] for chosen in (right, ~right))
    bins = tuple(
        ConfidenceBin(float(edges[place]), float(edges[place + 1]), int(n_right[place]), int(n_wrong[place]))
        for place in range(_N_BINS)
    )
    sure = confidence >= _SURE
    of_right, of_wrong = (
        share(int(sure[chosen].sum()), int(chosen.sum())) if chosen.any() else None for chosen in (right, ~right)
    )
    return Confidences(bins, _SURE, of_right, of_wrong)


def class_rows(counts: NDArray[np.int64], names: Sequence[Label]) -> tuple[ClassRow, ...]:
    """Each class, the worst found first; `counts` are by label and predicted label."""
    hits, of_label, of_answer = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    rows = [
        ClassRow(
            name,
            share(int(hits[place]), int(of_answer[place])) if of_answer[place] else None,
            share(int(hits[place]), int(of_label[place])) if of_label[place] else None,
            int(of_label[place]),
        )
        for place, name in enumerate(names)
    ]
    return _worst_first(rows)


def class_rows_of_manifest(per_class: Mapping[Label, ClassMetrics]) -> tuple[ClassRow, ...]:
    """The same from a manifest, which holds shares and the number of messages; the number of answers follows."""
    rows = []
    for name, item in per_class.items():
        n_answers = round(item.recall * item.support / item.precision) if item.precision else 0
        trusted = Share(item.precision, *wilson(item.precision, n_answers), n_answers) if n_answers else None
        found = Share(item.recall, *wilson(item.recall, item.support), item.support) if item.support else None
        rows.append(ClassRow(name, trusted, found, item.support))
    return _worst_first(rows)


def _worst_first(rows: Sequence[ClassRow]) -> tuple[ClassRow, ...]:
    return tuple(sorted(rows, key=lambda row: (row.found.value if row.found else 2.0, row.name)))


def paired(right: NDArray[np.bool_], others: NDArray[np.bool_]) -> Difference:
    """How many more are right, of the same messages, (n_messages,) each; normal interval of the mean difference."""
    difference = right.astype(np.float64) - others
    n = len(difference)
    value = float(difference.mean())
    half = _Z * float(difference.std(ddof=1)) / n**0.5 if n > 1 else 1.0
    return Difference(
        value, max(value - half, -1.0), min(value + half, 1.0), n, float(right.mean()), float(others.mean())
    )


def growth(curve: LearningCurve, candidate: str, more: int = MORE_LABELS) -> Growth:
    """The learning curve beside a model of `candidate`, and what `more` labels should bring.

    The training estimates the interval for `curve.more_labels` more. For fewer, its distances from the expectation
    grow with the share of the way to there.
    """
    points = tuple(
        GrowthPoint(point.n_labels, Share(point.accuracy, point.accuracy_low, point.accuracy_high, point.n_held_out))
        for point in curve.points
    )
    whose = (curve.candidate, curve.candidate == candidate)
    if curve.law is None or curve.now is None or curve.expected is None:
        return Growth(*whose, points, more, None, None)
    more = min(more, curve.more_labels)
    way = more / curve.more_labels
    n_labels = curve.n_labels + more
    expected = 1 - curve.law.error(n_labels)
    low, high = (
        expected
        + (1 - way) * (getattr(curve.now, bound) - curve.now.accuracy)
        + way * (getattr(curve.expected, bound) - curve.expected.accuracy)
        for bound in ("accuracy_low", "accuracy_high")
    )
    then = GrowthPoint(n_labels, Share(expected, max(low, 0.0), min(high, 1.0), 0))
    now = Share(curve.now.accuracy, curve.now.accuracy_low, curve.now.accuracy_high, 0)
    return Growth(*whose, points, more, GrowthPoint(curve.n_labels, now), then)
