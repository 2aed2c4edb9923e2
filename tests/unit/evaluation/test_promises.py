import numpy as np
import pytest

from firstline.bundle.decisions import Decider
from firstline.bundle.promise import Promise
from firstline.evaluation.promises import curve, outlook, promised
from tests.bundles import LABELS, RECORD, hand_made_record


def test_the_interval_holds_the_share_that_was_right() -> None:
    low, high = promised(475, 500, 300)
    assert low < 0.95 < high
    assert low > 0.9
    assert high < 0.99


def test_the_interval_is_narrower_with_more_on_either_side() -> None:
    widths = [
        high - low for low, high in (promised(95, 100, 100), promised(950, 1_000, 100), promised(950, 1_000, 1_000))
    ]
    assert widths == sorted(widths, reverse=True)


def test_the_interval_holds_19_of_20_new_shares() -> None:
    rng = np.random.default_rng(0)
    inside = []
    for _ in range(2_000):
        share = rng.beta(19, 1)
        low, high = promised(rng.binomial(200, share), 200, 150)
        inside.append(low <= rng.binomial(150, share) / 150 <= high)
    assert 0.93 <= np.mean(inside) <= 0.99


@pytest.mark.parametrize(("right", "routed"), [(0, 0), (0, 50), (50, 50)])
def test_the_interval_is_one_even_at_the_ends(right: int, routed: int) -> None:
    low, high = promised(right, routed, 20)
    assert 0 <= low < high <= 1


def test_nothing_routed_promises_nothing() -> None:
    assert promised(50, 60, 0) == (0, 1)


def test_a_million_messages_are_counted() -> None:
    low, high = promised(950, 1_000, 1_000_000)
    assert 0.93 < low < 0.95 < high < 0.97


def test_of_a_thousand_messages() -> None:
    found = outlook(Decider(RECORD, LABELS, Promise(precision=0.9)))
    assert (found.n, found.routed, found.review, found.unknown) == (1_000, 1_000, 0, 0)
    assert found.wrong == round(1_000 * 2 / 62)
    assert found.wrong_low < found.wrong < found.wrong_high


def test_out_of_reach_nothing_goes_by_itself() -> None:
    found = outlook(Decider(hand_made_record(30, 30), LABELS, Promise(precision=0.9)))
    assert found.is_out_of_reach
    assert (found.routed, found.review, found.wrong, found.wrong_low, found.wrong_high) == (0, 1_000, 0, 0, 0)
    assert found.precision is None


def test_the_curve_has_a_point_for_each_promise() -> None:
    found = curve(Decider(RECORD, LABELS, Promise(review=0.1)), [0.8, 0.99])
    assert [one.promise.precision for one in found] == [0.8, 0.99]
    assert [one.is_out_of_reach for one in found] == [False, True]
