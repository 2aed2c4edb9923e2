"""Whether a challenger may replace the champion: each gate is a figure, its limit, and a sentence for the team."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.decisions import Decider
from firstline.evaluation.metrics import differences, wilson
from firstline.retraining.comparing import Compared
from firstline.settings.model import RetrainingSettings
from firstline.types import Label

LEAST_OF_A_CLASS = 30
"""Fewer messages say nothing about a class."""
WORSE = 0.05
"""A class may lose so much F1."""
_CONFIDENT = 0.8
_LEAST_CONFIDENT = 20
_SURE = 0.001
_ALPHA = 0.05
_RESAMPLES = 1_000


@dataclass(frozen=True)
class Gate:
    """One condition for promotion. `figure` and `limit` are None if nothing was measured; `words` explain the result.

    `classes` are those that fail it.
    """

    name: str
    is_passed: bool
    figure: float | None
    limit: float | None
    words: str
    classes: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Costs:
    """What the challenger costs to serve, and how far its confidence can be believed."""

    calibration_error: float
    latency_ms: float
    size_bytes: int


def gates(
    compared: Compared, decider: Decider, costs: Costs, settings: RetrainingSettings, seed: int = 0
) -> list[Gate]:
    """All gates, those about the figures first. `decider` is the challenger's, with the promise in force."""
    return [
        macro_f1(compared, seed),
        every_class(compared, seed),
        no_class_lost(compared),
        new_labels(compared),
        routed(decider),
        calibration(costs, settings),
        latency(costs, settings),
        size(costs, settings),
    ]


def macro_f1(compared: Compared, seed: int = 0) -> Gate:
    """The difference in macro-F1 over the classes that both know; all of its paired 95 % interval below 0 is a loss."""
    rows = compared.is_common
    if not rows.any():
        return Gate("macro_f1", True, None, 0.0, "the models have no class in common")
    found = differences(
        compared.truth[rows].tolist(),
        [compared.challenger.labels[rows].tolist()],
        [compared.champion.labels[rows].tolist()],
        seed,
    )["macro_f1"]
    is_passed = found.high >= 0
    words = (
        f"macro-F1 {_signed(found.value)} against the champion ({_signed(found.low)} to {_signed(found.high)}) on"
        f" {int(rows.sum()):,} messages of the {len(compared.common)} classes that both know"
    )
    return Gate("macro_f1", is_passed, found.high, 0.0, words)


def every_class(compared: Compared, seed: int = 0) -> Gate:
    """No class of at least 30 messages loses more than .05 of F1, with the certainty that all classes together allow.

    The difference of F1 by paired bootstrap; its distribution is taken for normal, since many classes need levels
    that 1,000 resamples do not reach. Levels by Holm (1979), 5 % for all classes together.
    """
    counts = {label: int((compared.truth == label).sum()) for label in compared.common}
    judged = [label for label, count in counts.items() if count >= LEAST_OF_A_CLASS]
    if not judged:
        return Gate("classes", True, None, -WORSE, f"no class has {LEAST_OF_A_CLASS} messages to compare")
    found, spread = _f1_differences(compared, judged, seed)
    chances = [NormalDist().cdf((value + WORSE) / max(error, 1e-9)) for value, error in zip(found, spread, strict=True)]
    worse: list[Label] = []
    for rank, place in enumerate(np.argsort(chances, kind="stable").tolist()):
        if chances[place] > _ALPHA / (len(judged) - rank):
            break
        worse.append(judged[place])
    lowest = int(np.argmin(found))
    if worse:
        words = f"F1 falls by more than {_share(WORSE)} in {_listed(worse)}"
    else:
        words = (
            f"none of {len(judged)} classes with {LEAST_OF_A_CLASS} messages or more is clearly worse by"
            f" {_share(WORSE)}; lowest: '{judged[lowest]}' {_signed(float(found[lowest]))}"
        )
    return Gate("classes", not worse, float(found[lowest]), -WORSE, words, tuple(worse))


def no_class_lost(compared: Compared) -> Gate:
    """The challenger knows every class that the champion knows. A class that was removed on purpose fails it, too."""
    lost = tuple(sorted(set(compared.champions) - set(compared.challengers)))
    words = (
        f"it does not know {_listed(lost)}, as the champion does" if lost else "it knows all classes of the champion"
    )
    return Gate("classes_lost", not lost, float(len(lost)), 0.0, words, lost)


def new_labels(compared: Compared) -> Gate:
    """New labels contradict the champion's confident answers no more often than earlier labels do.

    A one-sided two-proportion test at the level .001 compares how often answers with a confidence of at least .8 are
    wrong on new labels and on held-out ones. Messages of classes that the champion does not know are left out.
    """
    rows = np.isin(compared.truth, compared.champions) & (compared.champion.confidence >= _CONFIDENT)
    wrong = compared.champion.labels != compared.truth
    new, old = rows & compared.is_new, rows & ~compared.is_new
    n_new, n_old = int(new.sum()), int(old.sum())
    if n_new < _LEAST_CONFIDENT or not n_old:
        return Gate(
            "new_labels", True, None, None, f"too few new labels to compare with the champion's sure answers: {n_new}"
        )
    share, usual = float(wrong[new].mean()), float(wrong[old].mean())
    # Half an error is added, because otherwise a champion without errors would have no tolerance at all.
    expected = (float(wrong[old].sum()) + 0.5) / (n_old + 1)
    deviation = np.sqrt(expected * (1 - expected) * (1 / n_new + 1 / n_old))
    limit = expected + NormalDist().inv_cdf(1 - _SURE) * deviation
    words = (
        f"{_percent(share)} of {n_new:,} new labels contradict the champion where it is at least {_percent(_CONFIDENT)}"
        f" sure; among earlier labels {_percent(usual)}, and up to {_percent(limit)} may be chance"
    )
    return Gate("new_labels", bool(share <= limit), share, float(limit), words)


def routed(decider: Decider) -> Gate:
    """Of the held-out messages that the challenger would route, as many are right as the team was promised."""
    promised, held_out = decider.promise.precision, decider.held_out
    if promised is None:
        return Gate("routed_precision", True, None, None, "the promise is about the share that people see")
    if not held_out.routed:
        return Gate("routed_precision", True, None, promised, "it routes nothing by itself")
    precision = held_out.right / held_out.routed
    high = wilson(precision, round(held_out.routed))[1]
    words = f"{_percent(precision)} of what it routes is right, {_percent(promised)} are promised"
    return Gate("routed_precision", high >= promised, precision, promised, words)


def calibration(costs: Costs, settings: RetrainingSettings) -> Gate:
    limit = settings.max_calibration_error
    words = f"calibration error {_share(costs.calibration_error)}, at most {_share(limit)}"
    return Gate("calibration", costs.calibration_error <= limit, costs.calibration_error, limit, words)


def latency(costs: Costs, settings: RetrainingSettings) -> Gate:
    limit = settings.max_latency_ms
    words = f"an answer takes {costs.latency_ms:.1f} ms (99th percentile), at most {limit:g}"
    return Gate("latency", costs.latency_ms <= limit, costs.latency_ms, limit, words)


def size(costs: Costs, settings: RetrainingSettings) -> Gate:
    limit = settings.max_size_mb
    found = costs.size_bytes / 1e6
    return Gate("size", found <= limit, found, limit, f"the model has {found:.1f} MB, at most {limit:g}")


def _f1_differences(
    compared: Compared, labels: Sequence[Label], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Challenger minus champion by class, and the standard error of it; both (n_labels,)."""
    rows = np.flatnonzero(compared.is_common)
    rng = np.random.default_rng(seed)
    models = (compared.challenger.labels[rows], compared.champion.labels[rows])
    truth = compared.truth[rows]
    place = {label: number for number, label in enumerate(labels)}
    true = np.array([place.get(label, len(labels)) for label in truth.tolist()])
    guesses = [np.array([place.get(label, len(labels)) for label in found.tolist()]) for found in models]

    def difference(drawn: NDArray[np.int64]) -> NDArray[np.float64]:
        one, other = (_f1(true[drawn], guess[drawn], len(labels)) for guess in guesses)
        return np.asarray(one - other)

    whole = difference(np.arange(len(rows)))
    resampled = np.stack([difference(rng.integers(0, len(rows), len(rows))) for _ in range(_RESAMPLES)])
    return whole, resampled.std(axis=0)


def _f1(true: NDArray[np.int64], guess: NDArray[np.int64], n_labels: int) -> NDArray[np.float64]:
    hits, support, guessed = (
        np.bincount(values, minlength=n_labels + 1)[:n_labels] for values in (true[true == guess], true, guess)
    )
    return np.asarray(2 * hits / np.maximum(support + guessed, 1))


def _listed(labels: Sequence[Label]) -> str:
    return ", ".join(f"'{label}'" for label in labels)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)
