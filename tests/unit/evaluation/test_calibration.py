import numpy as np
import pytest

from firstline.bundle.confidence import calibrate, confidence_of, signs
from firstline.evaluation.calibration import cross_fit, fit_calibrator, fit_confidence, fit_temperature
from firstline.evaluation.reliability import calibration_error


def simulated(temperature: float, n_messages: int = 4_000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are too sharp by `temperature`, and labels drawn from the true ones."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (n_messages, 4))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (true.cumsum(axis=1) > rng.random((n_messages, 1))).argmax(axis=1)
    sharp = np.exp(logits * temperature)
    return (sharp / sharp.sum(axis=1, keepdims=True)).astype(np.float32), labels


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_finds_the_temperature(temperature: float) -> None:
    assert fit_temperature(*simulated(temperature)).temperature == pytest.approx(temperature, rel=0.1)


def test_lowers_the_calibration_error() -> None:
    probabilities, labels = simulated(3.0)
    after = calibrate(probabilities, fit_temperature(probabilities, labels).temperature)
    assert calibration_error(after, labels) < 0.03 < calibration_error(probabilities, labels)


def test_probability_zero_for_the_truth_is_no_failure() -> None:
    fitted = fit_temperature(np.array([[1.0, 0.0], [0.9, 0.1]], np.float32), np.array([1, 0]))
    assert np.isfinite(fitted.temperature)


def test_a_few_perfect_predictions_do_not_make_a_model_certain() -> None:
    probabilities = np.tile(np.array([[0.8, 0.1, 0.1]], np.float32), (30, 1))
    after = calibrate(probabilities, fit_temperature(probabilities, np.zeros(30, np.int64)).temperature)
    assert 0.9 < after[0, 0] < 0.99


def test_nothing_to_fit_on_changes_nothing() -> None:
    assert fit_temperature(np.empty((0, 3), np.float32), np.empty(0, np.int64)).temperature == 1


def noisy(n_messages: int = 4_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, labels, and folds; a fifth of the labels is chance, however sure the model is."""
    probabilities, labels = simulated(1.0, n_messages)
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(n_messages) < 0.2, rng.integers(0, 4, n_messages), labels)
    return probabilities, labels, np.arange(n_messages) % 5


def test_confidence_finds_the_weights() -> None:
    rng = np.random.default_rng(0)
    found = signs(rng.dirichlet(np.full(5, 0.5), 20_000).astype(np.float32))
    right = rng.random(20_000) < 1 / (1 + np.exp(-(np.array([2.0, 0.5, 0.4, -0.3]) @ found)))
    fitted = fit_confidence(found, right)
    assert fitted is not None
    assert (fitted.a, fitted.b, fitted.lead, fitted.c) == pytest.approx((2.0, 0.5, 0.4, -0.3), abs=0.25)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_few_messages_change_the_confidence_little(is_right: bool) -> None:
    found = signs(np.tile(np.array([[0.7, 0.2, 0.1]], np.float32), (3, 1)))
    fitted = fit_confidence(found, np.full(3, is_right))
    assert fitted is not None
    assert 0.4 < confidence_of(found, fitted)[0] < 0.85


def test_confidence_mends_what_no_temperature_can() -> None:
    probabilities, labels, folds = noisy()
    alone = calibrate(probabilities, fit_temperature(probabilities, labels).temperature)
    assert calibration_error(fit_calibrator(probabilities, labels, folds)(probabilities), labels) < 0.02
    assert calibration_error(alone, labels) > 0.03


def test_a_confidence_that_held_out_folds_do_not_bear_out_is_left_away() -> None:
    # In the even fold sure answers are right and unsure ones wrong, in the odd one the other way round.
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4]] * 200, np.float32)
    folds = np.repeat([0, 1], 200)
    labels = np.where(folds == 0, np.arange(400) % 2, 1 - np.arange(400) % 2)
    assert fit_calibrator(probabilities, labels, folds).confidence is None


def test_one_fold_alone_keeps_its_confidence() -> None:
    probabilities, labels, _ = noisy(400)
    assert fit_calibrator(probabilities, labels, np.zeros(400, np.int64)).confidence is not None


def test_nothing_to_calibrate_on_changes_nothing() -> None:
    nothing = fit_calibrator(np.empty((0, 3), np.float32), np.empty(0, np.int64), np.empty(0, np.int64))
    probabilities = np.array([[0.7, 0.2, 0.1]], np.float32)
    np.testing.assert_array_equal(nothing(probabilities), probabilities)


def test_a_fold_is_calibrated_with_what_the_others_give() -> None:
    probabilities, labels, folds = noisy(1_000)
    learned = np.ones(1_000, np.bool_)
    calibrated, _ = cross_fit(probabilities, labels, learned, folds)
    others = folds != 2
    by_hand = fit_calibrator(probabilities[others], labels[others], folds[others])
    np.testing.assert_array_equal(calibrated[folds == 2], by_hand(probabilities[folds == 2]))


def test_the_labels_of_a_fold_do_not_change_its_own_answers() -> None:
    probabilities, labels, folds = noisy(1_000)
    learned = np.ones(1_000, np.bool_)
    other = np.where(folds == 2, (labels + 1) % 4, labels)
    before, _ = cross_fit(probabilities, labels, learned, folds)
    after, _ = cross_fit(probabilities, other, learned, folds)
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert not np.array_equal(before[folds == 1], after[folds == 1])


def test_messages_of_classes_that_were_not_learned_have_no_part_in_fitting_but_are_calibrated() -> None:
    probabilities, labels, folds = noisy(1_000)
    learned = np.arange(1_000) >= 100
    other = np.where(learned, labels, (labels + 1) % 4)
    calibrated, calibrator = cross_fit(probabilities, labels, learned, folds)
    with_others, others_calibrator = cross_fit(probabilities, other, learned, folds)
    np.testing.assert_array_equal(calibrated, with_others)
    assert calibrator == others_calibrator
    np.testing.assert_allclose(calibrated.sum(axis=1), 1, atol=1e-5)


def test_all_folds_give_the_calibration_of_the_model() -> None:
    probabilities, labels, folds = noisy(1_000)
    _, calibrator = cross_fit(probabilities, labels, np.ones(1_000, np.bool_), folds)
    assert calibrator == fit_calibrator(probabilities, labels, folds)
