"""Fits how sure answers are, and applies it to answers that it was not fitted on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.confidence import calibrate, confidence_of, signs, with_confidence
from firstline.bundle.manifest import BetaCalibration, Calibration

_COLDEST, _HOTTEST = 0.05, 20.0
_LEAST_PROBABILITY = 1e-12
_LARGEST_WEIGHT = 20.0
_PRIOR = np.array([1.0, 1.0, 0.0, 0.0])
"""The weights of `signs` that change nothing."""
_PRIOR_PRECISION = 4.0
"""Each weight is within one half of the prior's, in two of three cases; with 500 messages that no longer shows."""


@dataclass(frozen=True)
class Calibrator:
    """What a bundle applies to the probabilities of its parts: a temperature, then the confidence, if it has one."""

    calibration: Calibration
    confidence: BetaCalibration | None

    def __call__(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Calibrated probabilities; both (n, n_labels)."""
        return with_confidence(calibrate(probabilities, self.calibration.temperature), self.confidence)


def fit_temperature(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> Calibration:
    """The temperature with the lowest negative log-likelihood (Guo et al. 2017).

    `probabilities`, (n_messages, n_labels), must be out of fold. Leave out messages whose class the fold had not
    learned. `truth`, (n_messages,), indexes labels. The target is (n + 1) / (n + 2) instead of 1, and the rest is
    spread over all classes (Platt 1999), so that a few messages never make a model certain.
    """
    from scipy.optimize import minimize_scalar

    if not len(truth):
        return Calibration()
    rows = np.arange(len(truth))
    doubt = 1 / (len(truth) + 2)

    def loss(log_temperature: float) -> float:
        scaled = calibrate(probabilities, float(np.exp(log_temperature)))
        logs = np.log(np.maximum(scaled, _LEAST_PROBABILITY))
        return float(-(1 - doubt) * logs[rows, truth].mean() - doubt * logs.mean())

    best = minimize_scalar(loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded")
    return Calibration(round(float(np.exp(best.x)), 4))


def fit_confidence(signs: NDArray[np.float64], right: NDArray[np.bool_]) -> BetaCalibration | None:
    """The weights of `signs`, (4, n), that make it likeliest which answers are `right`, (n,); None if n is 0.

    Its targets are Platt's (1999), and a normal prior pulls it to where it changes nothing, so that a few messages
    change little.
    """
    from scipy.optimize import minimize

    n_right = int(right.sum())
    n_wrong = len(right) - n_right
    targets = np.where(right, (n_right + 1) / (n_right + 2), 1 / (n_wrong + 2))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logit, away = weights @ signs, weights - _PRIOR
        said = 0.5 + 0.5 * np.tanh(0.5 * logit)
        value = (np.logaddexp(0, logit) - targets * logit).sum() + _PRIOR_PRECISION / 2 * (away @ away)
        return float(value), signs @ (said - targets) + _PRIOR_PRECISION * away

    if not len(right):
        return None
    bounds = [(0.0, _LARGEST_WEIGHT)] * 3 + [(-_LARGEST_WEIGHT, _LARGEST_WEIGHT)]
    found = minimize(loss, _PRIOR, jac=True, bounds=bounds, method="L-BFGS-B")
    a, b, lead, c = (round(float(weight), 4) for weight in found.x)
    return BetaCalibration(a, b, c, lead) if a + b > 0 else None


def fit_calibrator(
    probabilities: NDArray[np.float32], truth: NDArray[np.int64], folds: NDArray[np.int64]
) -> Calibrator:
    """Fit on out-of-fold `probabilities`, (n, n_labels); `truth` indexes labels, and `folds` are numbers, (n,) each.

    A temperature, and on top a confidence, if that makes it likelier which answers of held-out folds are right. With
    one fold only that cannot be checked, and the confidence stays. Leave out messages whose class the fold had not
    learned.
    """
    calibration = fit_temperature(probabilities, truth)
    scaled = calibrate(probabilities, calibration.temperature)
    if scaled.shape[1] < 2 or not len(truth):
        return Calibrator(calibration, None)
    found, right = signs(scaled), scaled.argmax(axis=1) == truth
    numbers = np.unique(folds)
    if len(numbers) > 1:
        gain = 0.0
        for number in numbers:
            held = folds == number
            confidence = fit_confidence(found[:, ~held], right[~held])
            if confidence:
                said = confidence_of(found[:, held], confidence)
                gain += _log_loss(scaled[held].max(axis=1), right[held]) - _log_loss(said, right[held])
        if gain <= 0:
            return Calibrator(calibration, None)
    return Calibrator(calibration, fit_confidence(found, right))


def cross_fit(
    probabilities: NDArray[np.float32],
    truth: NDArray[np.int64],
    learned: NDArray[np.bool_],
    folds: NDArray[np.int64],
) -> tuple[NDArray[np.float32], Calibrator]:
    """Each fold's probabilities, (n, n_labels), calibrated with what the other folds give; and what all folds give.

    `truth`, `learned` and `folds` are (n,). Messages whose class the fold had not learned have no part in fitting. A
    message that occurs several times must be in the same fold each time, or it is calibrated with its own label.
    """
    calibrated = np.empty_like(probabilities)
    for number in np.unique(folds):
        others, held = (folds != number) & learned, folds == number
        calibrated[held] = fit_calibrator(probabilities[others], truth[others], folds[others])(probabilities[held])
    return calibrated, fit_calibrator(probabilities[learned], truth[learned], folds[learned])


def _log_loss(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """The sum over messages of how unlikely it was, in nats, that the answer is right, or wrong."""
    said = np.where(right, confidence, 1 - confidence.astype(np.float64))
    return float(-np.log(np.maximum(said, _LEAST_PROBABILITY)).sum())
