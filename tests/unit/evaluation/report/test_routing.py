from dataclasses import replace

import numpy as np
import pytest

from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.evaluation.promises import outlook
from firstline.evaluation.report.routing import routing, share
from tests.reports import answers, decider_of


def test_what_is_routed_left_and_unknown_is_everything() -> None:
    held_out, _ = answers(n=300)
    found = routing(decider_of(replace(held_out, novelty=np.linspace(0, 1, 300).astype(np.float32))))
    assert found is not None
    assert found.offer.right is not None
    assert found.unknown.value == 0.5
    assert found.offer.route.value + found.review.value + found.unknown.value == pytest.approx(1)


def test_what_is_routed_is_what_the_thresholds_route() -> None:
    decider = decider_of(answers(n=300)[0], Promise(precision=0.9))
    found = routing(decider)
    assert found is not None
    assert found.offer.route.value == decider.held_out.routed / 300
    assert found.offer.right is not None
    assert found.offer.right.low <= found.offer.right.value <= found.offer.right.high


def test_nothing_is_right_if_nothing_is_routed() -> None:
    held_out, _ = answers(n=300)
    even = replace(held_out, probabilities=np.full_like(held_out.probabilities, 1 / 3))
    found = routing(decider_of(even))
    assert found is not None
    assert (found.offer.right, found.offer.route.value, found.review.value) == (None, 0, 1)


def test_the_curve_ends_with_all_messages() -> None:
    held_out, _ = answers(n=300)
    found = routing(decider_of(held_out))
    assert found is not None
    assert (found.curve[-1].coverage, found.curve[-1].right.value) == (1.0, 0.8)


def test_repeated_answers_count_as_one() -> None:
    once = decider_of(answers(n=300)[0])
    assert once.record is not None
    record = once.record
    twice = replace(
        record,
        confidence=np.repeat(record.confidence, 2),
        predicted=np.repeat(record.predicted, 2),
        right=np.repeat(record.right, 2),
        novelty=np.repeat(record.novelty, 2),
        is_none=np.repeat(record.is_none, 2),
        n_repeats=2,
    )
    one, other = routing(once), routing(Decider(twice, once.labels))
    assert one is not None
    assert other is not None
    assert other.curve[-1] == one.curve[-1]
    assert other.review.n == one.review.n == 300


def test_a_promise_of_ones_own_stands_in_the_table() -> None:
    found = routing(decider_of(answers()[0], Promise(precision=0.93)))
    assert found is not None
    assert [offer.precision for offer in found.others] == [0.99, 0.98, 0.95, 0.93, 0.9, 0.85, 0.8]


def test_a_model_from_before_decisions_has_none() -> None:
    assert routing(Decider(None, ["a", "b"])) is None


def test_a_share_has_wilsons_interval() -> None:
    assert share(8, 10).low == pytest.approx(0.490, abs=1e-3)
    assert share(10, 10).high == pytest.approx(1)


def test_less_than_half_a_message_has_an_interval() -> None:
    found = share(1 / 3, 1 / 3)
    assert (found.value, found.n) == (1.0, 1)


def test_the_teams_rule_is_told_from_what_the_model_leaves() -> None:
    held_out, _ = answers(n=300)
    strange = np.where(np.arange(300) < 3, 1, 0).astype(np.float32)
    first, second, _ = held_out.labels
    decider = decider_of(replace(held_out, novelty=strange), always_review=[second, first, "Нет такого"])
    found = routing(decider)
    assert found is not None
    assert found.rule is not None
    assert found.rule.names == (first, second)
    predicted = held_out.probabilities.argmax(axis=1)
    assert found.rule.share.value == pytest.approx((predicted[3:] < 2).sum() / 300)
    assert found.rule.share.value < found.review.value


def test_without_a_rule_there_is_none() -> None:
    found = routing(decider_of(answers()[0], always_review=["Нет такого"]))
    assert found is not None
    assert found.rule is None


def test_outsiders_are_counted() -> None:
    found = routing(decider_of(answers(n=300)[0], n_outsiders=40))
    assert found is not None
    assert (found.n_outsiders, found.unknown.n) == (40, 300)


def test_the_thousand_are_those_of_decide() -> None:
    decider = decider_of(answers(n=300)[0], Promise(precision=0.9))
    found = routing(decider)
    assert found is not None
    assert found.offer.outlook == outlook(decider)
    assert [offer.outlook.promise.precision for offer in found.others] == [offer.precision for offer in found.others]
