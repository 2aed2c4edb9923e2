import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.evaluation.report.routing import routing, share

FAMILIAR = np.zeros(100, np.float32)


def confidences(n: int = 100) -> NDArray[np.float32]:
    return np.linspace(0.99, 0.5, n).astype(np.float32)


def test_as_many_as_keep_the_promise_are_routed() -> None:
    right = np.ones(100, bool)
    right[[38, 60, 61, 62, 63, 64, 65]] = False
    found = routing(confidences(), right, FAMILIAR, 0.95)
    assert found.offer.route.value == 0.62  # 60 of the first 61 are right, 60 of 62; of 63, 60 too: .952
    assert found.offer.right is not None
    assert found.offer.right.value >= 0.95


def test_nothing_is_routed_if_the_answers_cannot_back_it() -> None:
    right = np.arange(100) % 2 == 0
    found = routing(confidences(), right, FAMILIAR, 0.95)
    assert found.offer.right is None
    assert (found.offer.route.value, found.review.value, found.unknown.value) == (0, 1, 0)


def test_a_few_right_answers_are_no_proof() -> None:
    right = np.arange(100) < 29
    assert routing(confidences(), right, FAMILIAR, 0.99).offer.right is None


def test_the_least_familiar_are_unknown_and_not_routed() -> None:
    novelty = np.linspace(0, 0.99, 100).astype(np.float32)
    found = routing(confidences()[::-1].copy(), np.ones(100, bool), novelty)
    assert found.unknown.value == 0.05
    assert found.offer.route.value == 0.95


def test_answers_of_the_same_confidence_are_routed_together() -> None:
    confidence = np.repeat(np.array([0.9, 0.6], np.float32), 50)
    right = np.ones(100, bool)
    right[60:] = False
    assert routing(confidence, right, FAMILIAR, 0.9).offer.route.value == 0.5


def test_the_curve_ends_with_all_messages() -> None:
    right = np.arange(100) % 4 != 0
    last = routing(confidences(), right, FAMILIAR).curve[-1]
    assert (last.coverage, last.right.value) == (1.0, 0.75)


def test_a_promise_stands_once_in_the_table() -> None:
    offers = routing(confidences(), np.ones(100, bool), FAMILIAR, 0.9).others
    assert [offer.promise for offer in offers] == [0.99, 0.95, 0.9, 0.85, 0.8]


def test_a_share_has_wilsons_interval() -> None:
    assert share(8, 10).low == pytest.approx(0.490, abs=1e-3)
    assert share(10, 10).high == pytest.approx(1)
