"""Each gate lets pass what does no harm, and says what it found."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.retraining.comparing import Answers, Compared
from firstline.retraining.gates import (
    Costs,
    Gate,
    always_reviewed,
    changed_labels,
    every_class,
    gates,
    macro_f1,
    new_labels,
    no_class_lost,
    routed,
)
from firstline.settings.model import RetrainingSettings

CLASSES = tuple(f"class {number}" for number in range(10))
COSTS = Costs(calibration_error=0.02, latency_ms=2.0, size_bytes=5_000_000)


def answered(truth: NDArray[np.str_], share: float, seed: int, confidence: float = 0.9) -> Answers:
    """Right for this share of the messages, another class for the others."""
    rng = np.random.default_rng(seed)
    places = np.array([CLASSES.index(label) for label in truth])
    wrong = rng.random(len(truth)) >= share
    places[wrong] = (places[wrong] + rng.integers(1, len(CLASSES), int(wrong.sum()))) % len(CLASSES)
    return Answers(np.array(CLASSES)[places], np.full(len(truth), confidence))


def compared(champion: float = 0.9, challenger: float = 0.9, n: int = 2_000, new: float = 0.3) -> Compared:
    rng = np.random.default_rng(0)
    truth = np.array(CLASSES)[rng.integers(0, len(CLASSES), n)]
    return Compared(
        truth=truth,
        before=truth,
        n_before=Counter(truth.tolist()),
        is_new=rng.random(n) < new,
        champion=answered(truth, champion, 1),
        challenger=answered(truth, challenger, 2),
        champions=CLASSES,
        challengers=CLASSES,
    )


def test_a_challenger_as_good_passes_and_a_worse_one_does_not() -> None:
    assert macro_f1(compared()).is_passed
    assert macro_f1(compared(challenger=0.95)).is_passed
    failed = macro_f1(compared(challenger=0.84))
    assert not failed.is_passed
    assert failed.figure is not None
    assert failed.figure < 0
    assert "macro-F1 -.0" in failed.words
    assert "2,000 messages of the 10 classes that both know" in failed.words


def test_messages_of_a_class_that_one_does_not_know_do_not_count() -> None:
    found = compared()
    grown = replace(found, champions=CLASSES[:-1])
    labels = found.champion.labels.copy()
    labels[labels == CLASSES[-1]] = CLASSES[0]
    grown = replace(grown, champion=Answers(labels, found.champion.confidence))
    gate = macro_f1(grown)
    assert "of the 9 classes" in gate.words
    assert gate.is_passed


def test_exchanged_labels_are_told_from_corrected_ones() -> None:
    found = compared()
    first, second = (found.truth == label for label in CLASSES[:2])
    truth = found.truth.copy()
    truth[first], truth[second] = CLASSES[1], CLASSES[0]
    exchanged = changed_labels(replace(found, truth=truth))
    n = int(first.sum() + second.sum())
    assert not exchanged.is_passed
    assert exchanged.words.startswith(f"of {n:,} changed labels, the champion answers ")
    before = found.truth.copy()
    wrong = np.flatnonzero(first)[::4]
    before[wrong] = CLASSES[5]
    assert changed_labels(replace(found, before=before)).is_passed
    few = found.truth.copy()
    few[np.flatnonzero(first)[:5]] = CLASSES[1]
    assert changed_labels(replace(found, truth=few)).is_passed
    assert changed_labels(found).words == "of 0 changed labels, the champion answers 0 as they are now, 0 as before"


def test_a_class_that_lost_most_of_its_labels_is_lost() -> None:
    found = compared()
    counts = Counter(found.truth.tolist())
    gate = no_class_lost(replace(found, n_before={**counts, CLASSES[2]: 3 * counts[CLASSES[2]]}))
    n = counts[CLASSES[2]]
    assert (gate.is_passed, gate.classes) == (False, (CLASSES[2],))
    assert gate.words == f"'class 2' has {n:,} of {3 * n:,} labels left"


def test_a_class_that_is_lost_is_named() -> None:
    found = compared()
    labels = found.challenger.labels.copy()
    lost = (found.truth == CLASSES[3]) & (np.arange(len(labels)) % 3 == 0)
    labels[lost] = np.array(CLASSES)[np.arange(int(lost.sum())) % 3 + 4]
    gate = every_class(replace(found, challenger=Answers(labels, found.challenger.confidence)))
    assert (gate.is_passed, gate.classes) == (False, (CLASSES[3],))
    assert gate.words == "F1 falls by more than .050 in 'class 3'"


@pytest.mark.parametrize("seed", range(5))
def test_chance_alone_fails_no_class(seed: int) -> None:
    found = compared(n=600)
    other = replace(found, challenger=answered(found.truth, 0.9, 10 + seed))
    assert every_class(other).is_passed


def test_a_class_of_few_messages_is_not_judged() -> None:
    found = compared(n=150)
    assert every_class(replace(found, challenger=answered(found.truth, 0.1, 5))).is_passed


def test_a_class_that_the_challenger_does_not_know_is_lost() -> None:
    gate = no_class_lost(replace(compared(), challengers=CLASSES[:-1]))
    assert (gate.is_passed, gate.classes) == (False, (CLASSES[-1],))
    assert gate.words == "it does not know 'class 9', as the champion does"
    assert no_class_lost(replace(compared(), champions=CLASSES[:-1])).is_passed


def test_new_labels_at_random_are_noticed_and_clean_ones_pass() -> None:
    clean = compared()
    assert new_labels(clean).is_passed
    rng = np.random.default_rng(3)
    wrong = clean.is_new & (rng.random(len(clean.truth)) < 0.3)
    truth = np.where(wrong, np.array(CLASSES)[rng.integers(0, 10, len(wrong))], clean.truth)
    gate = new_labels(replace(clean, truth=truth))
    assert not gate.is_passed
    assert gate.figure is not None
    assert 0.25 < gate.figure < 0.45
    assert "new labels contradict the champion where it is at least 80 % sure; among earlier labels 10 %" in gate.words


def test_labels_of_new_classes_contradict_nobody() -> None:
    found = compared()
    truth = np.where(found.is_new, "another", found.truth)
    gate = new_labels(replace(found, truth=truth))
    assert gate.is_passed
    assert "too few new labels" in gate.words


def decider(right: float, promise: Promise, n: int = 1_000) -> Decider:
    record = AnswerRecord(
        confidence=np.linspace(0.5, 1, n).astype(np.float32),
        predicted=np.random.default_rng(0).integers(0, 10, n),
        right=np.arange(n) % 100 < right * 100,
        novelty=np.zeros(n, np.float32),
        is_none=np.zeros(n, np.bool_),
    )
    return Decider(record, CLASSES, promise)


def test_what_routes_nothing_or_promises_a_share_of_review_passes() -> None:
    assert "routes nothing" in routed(decider(0.3, Promise(precision=0.95))).words
    assert routed(decider(0.3, Promise(review=0.2))).is_passed
    kept = routed(decider(0.97, Promise(precision=0.95)))
    assert kept.is_passed
    assert "of what it routes is right, 95 % are promised" in kept.words


def test_a_fall_in_what_is_routed_is_told() -> None:
    found = routed(decider(0.97, Promise(precision=0.95)), decider(0.99, Promise(precision=0.95)))
    assert re.search(r"it routes \d+ % of all messages, the champion \d+ %$", found.words)


def test_a_renamed_class_that_always_goes_to_people_still_has_to() -> None:
    gate = always_reviewed({"угрозы", "суд"}, {"угрозы": "жалобы и угрозы", "карта": "карты"})
    assert (gate.is_passed, gate.classes) == (False, ("жалобы и угрозы",))
    assert "add it to [decisions] always_review" in gate.words
    assert always_reviewed({"угрозы", "жалобы и угрозы"}, {"угрозы": "жалобы и угрозы"}).is_passed


def test_thresholds_that_hold_for_one_half_only_break_the_promise() -> None:
    record = decider(1.0, Promise(precision=0.95), n=10_000).record
    assert record is not None
    # Of the even answers all are right, of the odd ones fewer: what one half promises, the other does not keep.
    right = (np.arange(10_000) % 2 == 0) | (np.random.default_rng(1).random(10_000) < 0.93)
    gate = routed(Decider(replace(record, right=right), CLASSES, Promise(precision=0.95)))
    assert not gate.is_passed
    assert gate.figure == pytest.approx(0.93, abs=0.01)


def test_halves_that_promise_nothing_together_route_nothing() -> None:
    record = decider(1.0, Promise(precision=0.95)).record
    assert record is not None
    right = (np.arange(1_000) % 2 == 0) | (np.random.default_rng(1).random(1_000) < 0.5)
    gate = routed(Decider(replace(record, right=right), CLASSES, Promise(precision=0.95)))
    assert (gate.is_passed, gate.words) == (True, "it routes nothing by itself")


def by_name(costs: Costs = COSTS, **settings: float) -> dict[str, Gate]:
    same = decider(0.97, Promise(precision=0.95))
    found = gates(compared(), same, same, costs, RetrainingSettings(**settings))
    return {gate.name: gate for gate in found}


def test_all_gates_pass_a_challenger_that_does_no_harm() -> None:
    found = by_name()
    assert list(found) == [
        "macro_f1",
        "classes",
        "classes_lost",
        "new_labels",
        "changed_labels",
        "routed_precision",
        "calibration",
        "latency",
        "size",
    ]
    assert all(gate.is_passed for gate in found.values())


@pytest.mark.parametrize(
    ("name", "costs", "words"),
    [
        ("calibration", replace(COSTS, calibration_error=0.2), "calibration error .200, at most .100"),
        ("latency", replace(COSTS, latency_ms=400.0), "an answer takes 400.0 ms (99th percentile), at most 300"),
        ("size", replace(COSTS, size_bytes=900_000_000), "the model has 900.0 MB, at most 500"),
    ],
)
def test_limits_of_the_settings_hold(name: str, costs: Costs, words: str) -> None:
    found = by_name(costs)
    assert [gate.name for gate in found.values() if not gate.is_passed] == [name]
    assert found[name].words == words
