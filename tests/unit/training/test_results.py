from pathlib import Path

import numpy as np
import pytest

from firstline.evaluation.calibration import cross_fit
from firstline.evaluation.out_of_fold import OutOfFold
from firstline.text.rules import TextRules
from firstline.training.candidates.linear import Linear
from firstline.training.folds import Folds
from firstline.training.results import Evaluated
from firstline.training.saved_folds import Cost
from tests.examples import examples
from tests.trainings import run

_COST = Cost({"p50": 1.0, "p99": 2.0}, 1, 1)


@pytest.fixture
def folds() -> Folds:
    return Folds(examples(), 4, 2, 0)


@pytest.fixture
def evaluated(folds: Folds) -> Evaluated:
    rng = np.random.default_rng(0)
    shape = (folds.repeats, len(folds.truth), len(folds.names))
    probabilities = rng.dirichlet(np.ones(shape[2]), shape[:2]).astype(np.float32)
    learned = np.ones(shape[:2], np.bool_)
    learned[:, 0] = False
    answers = OutOfFold(probabilities, learned, 1.0)
    return Evaluated.of("linear.v1", folds, answers, _COST, lambda: Linear(TextRules.of_language("ru")))


def test_answers_are_calibrated_by_other_folds_of_the_first_repeat(folds: Folds, evaluated: Evaluated) -> None:
    answers = evaluated.answers
    calibrated, calibrator = cross_fit(
        np.concatenate(list(answers.probabilities)),
        np.tile(folds.truth, 2),
        answers.learned.reshape(-1),
        np.tile(folds.numbers, 2),
    )
    np.testing.assert_array_equal(evaluated.calibrated, calibrated.reshape(answers.probabilities.shape))
    assert evaluated.result.calibrator == calibrator


def test_the_figures_are_those_of_the_calibrated_answers(folds: Folds, evaluated: Evaluated) -> None:
    right = evaluated.calibrated.argmax(axis=2) == folds.truth
    squares = (evaluated.calibrated.max(axis=2).astype(np.float64) - right) ** 2
    assert evaluated.result.reliability.brier == pytest.approx(squares.mean())


def test_the_model_has_the_calibration_and_its_figures(tmp_path: Path) -> None:
    _, report = run(tmp_path / "models")
    (result,), model = report.results, report.model
    metrics = model.metrics
    assert metrics is not None
    assert (model.calibration, model.confidence) == (result.calibrator.calibration, result.calibrator.confidence)
    assert metrics.brier == result.reliability.brier
    assert metrics.calibration_error == result.reliability.calibration_error
    assert metrics.calibration_error_interval == result.reliability.intervals["calibration_error"]
    assert metrics.brier_interval == result.reliability.intervals["brier"]
