import numpy as np
import pytest

from firstline.bundle.predictor import calibrate
from firstline.evaluation.calibration import calibration_error, fit_temperature


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


def test_sure_and_always_right_has_no_error() -> None:
    assert calibration_error(np.eye(3, dtype=np.float32), np.arange(3)) == 0


def test_sure_and_always_wrong_has_the_whole_error() -> None:
    assert calibration_error(np.eye(3, dtype=np.float32), np.array([1, 2, 0])) == 1


def test_probability_zero_for_the_truth_is_no_failure() -> None:
    fitted = fit_temperature(np.array([[1.0, 0.0], [0.9, 0.1]], np.float32), np.array([1, 0]))
    assert np.isfinite(fitted.temperature)


def test_a_few_perfect_predictions_do_not_make_a_model_certain() -> None:
    probabilities = np.tile(np.array([[0.8, 0.1, 0.1]], np.float32), (30, 1))
    after = calibrate(probabilities, fit_temperature(probabilities, np.zeros(30, np.int64)).temperature)
    assert 0.9 < after[0, 0] < 0.99


def test_nothing_to_fit_on_changes_nothing() -> None:
    assert fit_temperature(np.empty((0, 3), np.float32), np.empty(0, np.int64)).temperature == 1
