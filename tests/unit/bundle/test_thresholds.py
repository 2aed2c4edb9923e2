import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.thresholds import NEVER, Thresholds, for_precision, for_review, monotone


def record(right: NDArray[np.bool_], predicted: NDArray[np.int64] | None = None, n_repeats: int = 1) -> AnswerRecord:
    """Answers whose confidence rises evenly from 0 to 1."""
    n = len(right)
    return AnswerRecord(
        np.linspace(0, 1, n, dtype=np.float32),
        np.zeros(n, np.int64) if predicted is None else predicted,
        right,
        np.zeros(n, np.float32),
        np.zeros(n, np.bool_),
        n_repeats,
    )


def precise(found: AnswerRecord, precision: float, n_labels: int = 1) -> Thresholds:
    return for_precision(found, np.ones(len(found.right), np.bool_), precision, n_labels)


def share_right(found: AnswerRecord, thresholds: Thresholds) -> float:
    return float(found.right[thresholds.routes(found)].mean())


def test_as_much_is_routed_as_the_promise_allows() -> None:
    # Right below a confidence of .5 every other time, always above.
    found = record(np.arange(1_000) % 2 + (np.arange(1_000) >= 500) > 0)
    thresholds = precise(found, 0.9)
    assert 0.9 <= share_right(found, thresholds) < 0.93
    assert thresholds.routes(found).mean() > 0.55


def test_a_stricter_promise_routes_less() -> None:
    found = record(np.random.default_rng(0).random(2_000) < np.linspace(0.4, 1, 2_000))
    shares = [precise(found, asked).routes(found).mean() for asked in (0.8, 0.9, 0.95)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1] > 0


def test_a_promise_that_the_most_confident_answers_cannot_keep_is_out_of_reach() -> None:
    found = record(np.arange(1_000) % 2 == 0)
    thresholds = precise(found, 0.9)
    assert thresholds.is_out_of_reach
    assert not thresholds.routes(found).any()


def test_a_few_right_answers_back_no_promise() -> None:
    assert precise(record(np.ones(29, np.bool_)), 0.8).is_out_of_reach
    assert not precise(record(np.ones(30, np.bool_)), 0.8).is_out_of_reach


def test_repeated_answers_are_no_more_messages() -> None:
    assert precise(record(np.ones(58, np.bool_), n_repeats=2), 0.8).is_out_of_reach
    assert not precise(record(np.ones(60, np.bool_), n_repeats=2), 0.8).is_out_of_reach


def test_a_large_class_has_a_threshold_of_its_own() -> None:
    # Class 0 is always right, class 1 only if it is confident.
    predicted = np.arange(1_000) % 2
    right = (predicted == 0) | (np.arange(1_000) >= 600)
    thresholds = precise(record(right, predicted), 0.9, n_labels=2)
    assert thresholds.own == (0, 1)
    assert thresholds.by_class[0] == 0
    assert 0.5 < thresholds.by_class[1] < 0.65


def test_small_classes_share_a_threshold() -> None:
    thresholds = precise(record(np.ones(990, np.bool_), np.arange(990) % 10), 0.9, n_labels=11)
    assert thresholds.own == ()
    assert set(thresholds.by_class) == {thresholds.common}


def test_the_other_classes_keep_the_promise_without_the_large_one() -> None:
    # Class 0 is large and always right; the small ones never are.
    predicted = np.where(np.arange(1_000) % 5 < 4, 0, 1 + np.arange(1_000) % 3)
    thresholds = precise(record(predicted == 0, predicted), 0.75, n_labels=4)
    assert thresholds.own == (0,)
    assert not thresholds.is_out_of_reach
    assert thresholds.by_class.tolist() == [0, NEVER, NEVER, NEVER]


def test_answers_that_may_not_be_routed_back_nothing() -> None:
    found = record(np.ones(100, np.bool_))
    assert for_precision(found, np.arange(100) < 20, 0.8, 1).is_out_of_reach


def test_at_most_the_promised_share_goes_to_people() -> None:
    found = record(np.ones(1_000, np.bool_))
    thresholds = for_review(found, np.ones(1_000, np.bool_), 0, 0.2, 1)
    assert 1 - thresholds.routes(found).mean() == pytest.approx(0.2)


def test_classes_that_always_go_to_people_are_a_part_of_the_share() -> None:
    found = record(np.ones(1_000, np.bool_))
    may_route = np.arange(1_000) >= 100
    thresholds = for_review(found, may_route, 100, 0.2, 1)
    assert (may_route & ~thresholds.routes(found)).sum() == 100


def test_a_share_that_such_classes_take_up_is_out_of_reach_and_the_rest_is_routed() -> None:
    found = record(np.ones(1_000, np.bool_))
    thresholds = for_review(found, np.arange(1_000) >= 300, 300, 0.2, 1)
    assert thresholds.is_out_of_reach
    assert thresholds.routes(found).all()


def test_of_equal_confidences_all_or_none_is_routed() -> None:
    right = np.arange(200) % 4 > 0
    found = AnswerRecord(
        np.full(200, 0.9, np.float32),
        np.zeros(200, np.int64),
        right,
        np.zeros(200, np.float32),
        np.zeros(200, np.bool_),
    )
    assert precise(found, 0.9).is_out_of_reach
    assert precise(found, 0.7).routes(found).all()


@given(st.lists(st.floats(0, 1), max_size=40))
def test_monotone_values_never_rise_and_keep_the_sum(values: list[float]) -> None:
    found = monotone(np.array(values, float))
    assert (np.diff(found) <= 1e-12).all()
    assert found.sum() == pytest.approx(sum(values))


def test_monotone_values_stay_as_they_are() -> None:
    assert monotone(np.array([1.0, 0.5, 0.5, 0.0])).tolist() == [1.0, 0.5, 0.5, 0.0]
    assert monotone(np.array([0.0, 1.0])).tolist() == [0.5, 0.5]
