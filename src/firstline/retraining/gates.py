"""Whether a challenger may replace the champion: each gate is a figure, its limit, and a sentence for the team."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from statistics import NormalDist

import numpy as np
from scipy.stats import binom

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.decisions import Decider
from firstline.evaluation.metrics import differences, f1_differences, wilson
from firstline.retraining.comparing import Compared
from firstline.settings.model import RetrainingSettings
from firstline.types import Label

LEAST_OF_A_CLASS = 30
"""Fewer messages say nothing about a class."""
WORSE = 0.05
"""A class may lose so much F1."""
_CONFIDENT = 0.8
_LEAST_CONFIDENT = 20
_LEAST_LEFT = 0.5
_SURE = 0.001
_ALPHA = 0.05


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
    compared: Compared, decider: Decider, before: Decider, costs: Costs, settings: RetrainingSettings, seed: int = 0
) -> list[Gate]:
    """All gates, those about the figures first.

    `decider` and `before` are those of challenger and champion, with the promise in force.
    """
    return [
        macro_f1(compared, seed),
        every_class(compared, seed),
        no_class_lost(compared),
        new_labels(compared),
        changed_labels(compared),
        routed(decider, before),
        calibration(costs, settings),
        latency(costs, settings),
        size(costs, settings),
    ]


def macro_f1(compared: Compared, seed: int = 0) -> Gate:
    """The difference in macro-F1 over the classes that both know; all of its paired 95 % interval below 0 is a loss."""
    truth, challenger, champion = _common(compared)
    if not truth:
        return Gate("macro_f1", False, None, 0.0, "the models have no class in common")
    found = differences(truth, [challenger], [champion], seed)["macro_f1"]
    is_passed = found.high >= 0
    words = (
        f"macro-F1 {_signed(found.value)} against the champion ({_signed(found.low)} to {_signed(found.high)}) on"
        f" {len(truth):,} messages of the {len(compared.common)} classes that both know"
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
    found = f1_differences(*_common(compared), seed)
    chances = {label: NormalDist().cdf((found[label][0] + WORSE) / max(found[label][1], 1e-9)) for label in judged}
    worse: list[Label] = []
    for rank, label in enumerate(sorted(judged, key=lambda label: chances[label])):
        if chances[label] > _ALPHA / (len(judged) - rank):
            break
        worse.append(label)
    lowest = min(judged, key=lambda label: found[label][0])
    if worse:
        words = f"F1 falls by more than {_share(WORSE)} in {_listed(worse)}"
    else:
        words = (
            f"none of {len(judged)} classes with {LEAST_OF_A_CLASS} messages or more is clearly worse by"
            f" {_share(WORSE)}; lowest: '{lowest}' {_signed(found[lowest][0])}"
        )
    return Gate("classes", not worse, found[lowest][0], -WORSE, words, tuple(worse))


def no_class_lost(compared: Compared) -> Gate:
    """The challenger knows every class that the champion knows and that the team has not retired.

    Nor has a class lost more than half of the labels that the champion learned.
    """
    lost = tuple(sorted(set(compared.champions) - set(compared.challengers)))
    if lost:
        words = f"it does not know {_listed(lost)}, as the champion does"
        return Gate("classes_lost", False, float(len(lost)), 0.0, words, lost)
    counts = Counter(compared.truth.tolist())
    smaller = tuple(label for label in compared.common if counts[label] < _LEAST_LEFT * compared.n_before.get(label, 0))
    words = "it knows all classes of the champion"
    if smaller:
        told = (f"'{label}' has {counts[label]:,} of {compared.n_before[label]:,} labels left" for label in smaller)
        words = "; ".join(told)
    return Gate("classes_lost", not smaller, float(len(smaller)), 0.0, words, smaller)


def changed_labels(compared: Compared) -> Gate:
    """Where people changed labels, the champion's answers do not speak for the earlier ones.

    A sign test at the level .001 on the messages that the champion answers with the one or the other: out of fold, it
    had not learned either. Corrections of wrong labels pass; labels that were exchanged by mistake do not.
    """
    rows = (compared.before != "") & (compared.before != compared.truth)
    n_earlier = int((compared.champion.labels[rows] == compared.before[rows]).sum())
    n_now = int((compared.champion.labels[rows] == compared.truth[rows]).sum())
    n = n_earlier + n_now
    chance = float(binom.sf(n_earlier - 1, n, 0.5)) if n else 1.0
    words = f"of {int(rows.sum()):,} changed labels, the champion answers {n_now:,} as they are now"
    words += f", {n_earlier:,} as before"
    return Gate("changed_labels", chance > _SURE, float(n_earlier), None, words)


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


def always_reviewed(names: Collection[Label], names_now: Mapping[Label, Label]) -> Gate:
    """Classes whose messages always go to people still do after a rename or a merge. `names` are those in the settings.

    `names_now` are former names with the present ones.
    """
    missing = sorted({names_now[name] for name in names if name in names_now} - set(names))
    words = "no class that always goes to people has got another name"
    if missing:
        words = f"{_listed(missing)} had a name that always goes to people: add it to [decisions] always_review"
    return Gate("always_review", not missing, float(len(missing)), 0.0, words, tuple(missing))


def routed(decider: Decider, before: Decider | None = None) -> Gate:
    """Of the messages that the challenger would route, at least as many are right as promised.

    Each half of its held-out answers is judged by the thresholds of the other half. The gate fails if the 95 % interval
    (Wilson) lies below the promise.
    """
    promised, record = decider.promise.precision, decider.record
    if promised is None:
        return Gate("routed_precision", True, None, None, "the promise is about the share that people see")
    shares = _compared_shares(decider, before)
    if record is None or not decider.held_out.routed:
        return Gate("routed_precision", True, None, promised, f"it routes nothing by itself{shares}")
    n_routed = n_right = 0.0
    for fitted, judged in permutations(_halves(record)):
        half = Decider(fitted, decider.labels, decider.promise, decider.always_review, decider.none)
        is_routed = half.may_route(judged) & half.thresholds.routes(judged)
        n_routed += is_routed.sum() / judged.n_repeats
        n_right += judged.right[is_routed].sum() / judged.n_repeats
    if not n_routed:
        return Gate("routed_precision", True, None, promised, f"too little is routed to judge it{shares}")
    precision = float(n_right / n_routed)
    high = wilson(precision, max(1, round(n_routed)))[1]
    words = f"{_percent(precision)} of what it routes is right, {_percent(promised)} are promised{shares}"
    return Gate("routed_precision", high >= promised, precision, promised, words)


def routed_share(decider: Decider) -> float:
    """The share of messages that a model routes by itself, 0 to 1."""
    return decider.held_out.routed / max(decider.held_out.n_messages, 1)


def _compared_shares(decider: Decider, before: Decider | None) -> str:
    if before is None or before.record is None:
        return ""
    return (
        f"; it routes {_percent(routed_share(decider))} of all messages, the champion {_percent(routed_share(before))}"
    )


def _halves(record: AnswerRecord) -> tuple[AnswerRecord, AnswerRecord]:
    """Every second answer, in the order of confidence, and the others."""
    arrays = ("confidence", "predicted", "right", "novelty", "is_none")
    one, other = (replace(record, **{name: getattr(record, name)[start::2] for name in arrays}) for start in (0, 1))
    return one, other


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


def _common(compared: Compared) -> tuple[list[Label], list[Label], list[Label]]:
    """Of the messages of common classes: their labels, and the answers of challenger and champion."""
    rows = compared.is_common
    return (
        compared.truth[rows].tolist(),
        compared.challenger.labels[rows].tolist(),
        compared.champion.labels[rows].tolist(),
    )


def _listed(labels: Sequence[Label]) -> str:
    return ", ".join(f"'{label}'" for label in labels)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)
