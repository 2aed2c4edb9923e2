import numpy as np
import pytest

from firstline.evaluation.reliability import brier, calibration_error, reliability


def test_sure_and_always_right_has_no_error() -> None:
    assert calibration_error(np.eye(3, dtype=np.float32), np.arange(3)) == 0


def test_sure_and_always_wrong_has_the_whole_error() -> None:
    assert calibration_error(np.eye(3, dtype=np.float32), np.array([1, 2, 0])) == 1


def test_brier_is_of_the_answer_not_of_all_classes() -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1]], np.float32)
    assert brier(probabilities, np.array([0, 1])) == pytest.approx((0.2**2 + 0.6**2) / 2)


def test_bins_are_of_equal_size() -> None:
    # 15 bins of two answers each: one right, one wrong, confidence .5, but for the surest two, which are wrong.
    confidence = np.array([0.5] * 28 + [0.9, 0.9])
    right = np.array([True, False] * 14 + [False, False])
    assert reliability(confidence, right).calibration_error == pytest.approx(2 / 30 * 0.9)


def test_the_figures_are_those_of_the_single_functions() -> None:
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(3), 101).astype(np.float32)
    truth = rng.integers(0, 3, 101)
    found = reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth)
    assert found.calibration_error == pytest.approx(calibration_error(probabilities, truth))
    assert found.brier == pytest.approx(brier(probabilities, truth))


def test_intervals_hold_the_figures_and_shrink_with_more_messages() -> None:
    rng = np.random.default_rng(2)
    widths = []
    for n_messages in (200, 5_000):
        confidence = rng.random(n_messages)
        found = reliability(confidence, rng.random(n_messages) < confidence)
        for name, (low, high) in found.intervals.items():
            assert 0 <= low <= getattr(found, name) <= high <= 1
        widths.append(found.intervals["brier"][1] - found.intervals["brier"][0])
    assert widths[1] < widths[0] / 3


def test_the_interval_of_a_well_calibrated_model_reaches_down_to_zero() -> None:
    rng = np.random.default_rng(3)
    confidence = rng.random(1_500)
    found = reliability(confidence, rng.random(1_500) < confidence)
    assert found.intervals["calibration_error"][0] < 0.01


def test_repeats_do_not_count_as_more_messages() -> None:
    rng = np.random.default_rng(4)
    confidence = rng.random(300)
    right = rng.random(300) < confidence
    once, thrice = reliability(confidence, right), reliability(np.tile(confidence, (3, 1)), np.tile(right, (3, 1)))
    assert thrice.brier == pytest.approx(once.brier)
    assert thrice.intervals["brier"] == pytest.approx(once.intervals["brier"], abs=1e-9)


def test_no_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="no messages"):
        reliability(np.empty(0), np.empty(0, np.bool_))
