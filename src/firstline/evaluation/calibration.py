"""Fits the temperature, and measures how far confidence is from accuracy."""

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.manifest import Calibration
from firstline.bundle.predictor import calibrate

_BINS = 15
_COLDEST, _HOTTEST = 0.05, 20.0
_LEAST_PROBABILITY = 1e-12


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


def calibration_error(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Expected calibration error, 0 to 1, lower is better: 15 bins of equal size (Nixon et al. 2019)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    order = np.argsort(confidence, kind="stable")
    gaps = [
        abs(float(confidence[part].mean()) - float(right[part].mean())) * len(part)
        for part in np.array_split(order, min(_BINS, len(order)))
        if len(part)
    ]
    return sum(gaps) / len(truth)
