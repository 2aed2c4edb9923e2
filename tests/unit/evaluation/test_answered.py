import pytest

from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.evaluation.answered import Answered, Confused, auroc, confusion, decided, outsiders
from firstline.types import Decision, Label
from tests.bundles import LABELS, RECORD

DECIDER = Decider(RECORD, LABELS, Promise(precision=0.9))


def one(truth: Label | None, predicted: Label, decision: Decision = "route", novelty: float | None = None) -> Answered:
    return Answered(truth, predicted, 0.9, decision, novelty)


def test_shares_and_precision_of_what_is_routed() -> None:
    answers = [one("Карта", "Карта"), one("Карта", "Перевод"), one("Карта", "Карта", "review")]
    found = decided([*answers, one("Карта", "Карта", "unknown")], DECIDER)
    assert found.counts == {"route": 2, "review": 1, "unknown": 1}
    assert found.coverage == found.routed_precision == 0.5
    assert 0 < found.interval[0] < found.interval[1] <= 1


def test_routing_a_message_of_none_of_the_classes_is_wrong() -> None:
    assert decided([one("Карта", "Карта"), one(None, "Карта")], DECIDER).routed_precision == 0.5


def test_nothing_routed_has_no_precision() -> None:
    found = decided([one("Карта", "Карта", "review")], DECIDER)
    assert (found.coverage, found.routed_precision) == (0, None)


def test_outsiders_are_caught_or_routed() -> None:
    found = outsiders([one("Карта", "Карта"), one(None, "Карта"), one(None, "Карта", "unknown")])
    assert found is not None
    assert (found.n_messages, found.recall, found.routed, found.auroc) == (2, 0.5, 0.5, None)


def test_without_outsiders_nothing_is_said_about_them() -> None:
    assert outsiders([one("Карта", "Карта")]) is None


def test_outsiders_are_told_apart_by_novelty() -> None:
    found = outsiders([one("Карта", "Карта", novelty=0.1), one(None, "Карта", novelty=0.9)])
    assert found is not None
    assert found.auroc == 1


def test_auroc_counts_pairs_and_half_of_the_ties() -> None:
    assert auroc([0.5, 0.9], [0.1, 0.5]) == pytest.approx(3.5 / 4)
    assert auroc([0.2], [0.2]) == 0.5


def test_confusion_names_only_classes_that_may_be_named() -> None:
    answers = [
        one("Карта", "Карта"),
        one("Карта", "Перевод"),
        one("Карта", "Карта"),
        one("Чужой", "Карта"),
        one(None, "Карта"),
    ]
    assert confusion(answers, {"Карта", "Перевод"}) == [Confused("Карта", "Карта", 2), Confused("Карта", "Перевод", 1)]
