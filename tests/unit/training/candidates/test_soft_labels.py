"""The loss over people's labels and a teacher's probabilities."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from firstline.training.candidates.soft_labels import SoftLabelLoss, sharpened, targets_of

N_LABELS = 3
NO_LABELS, NO_SOFT = np.zeros(0, np.int64), np.zeros((0, N_LABELS), np.float32)


def loss(gamma: float, targets: NDArray[np.float32]) -> float:
    """Of one message whose classes are 50 %, 25 % and 25 % likely."""
    likely = torch.log(torch.tensor([[0.5, 0.25, 0.25]])).expand(len(targets), -1)
    return float(SoftLabelLoss(gamma)(likely, torch.from_numpy(targets)))


def targets(*labels: int, smoothing: float = 0.0) -> NDArray[np.float32]:
    return targets_of(np.array(labels), N_LABELS, NO_SOFT, smoothing)


@pytest.mark.parametrize(
    ("label", "smoothing", "gamma", "expected"),
    [
        (0, 0.0, 0.0, math.log(2)),
        (1, 0.0, 0.0, math.log(4)),
        (0, 0.0, 2.0, 0.25 * math.log(2)),
        (1, 0.0, 2.0, 0.5625 * math.log(4)),
        (0, 0.1, 0.0, 0.9 * math.log(2) + 0.1 / 3 * (math.log(2) + 2 * math.log(4))),
        (1, 0.1, 0.0, 0.9 * math.log(4) + 0.1 / 3 * (math.log(2) + 2 * math.log(4))),
    ],
)
def test_losses(label: int, smoothing: float, gamma: float, expected: float) -> None:
    assert loss(gamma, targets(label, smoothing=smoothing)) == pytest.approx(expected, rel=1e-5)


def test_focal_loss_takes_soft_labels_as_they_are() -> None:
    found = targets_of(NO_LABELS, N_LABELS, np.array([[0.5, 0.5, 0]], np.float32), 0.1)
    assert loss(2.0, found) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(4), rel=1e-5)


def test_the_loss_is_the_mean() -> None:
    assert loss(0.0, targets(0, 0, 0, 1)) == pytest.approx((3 * math.log(2) + math.log(4)) / 4, rel=1e-5)


def test_sharpened_probabilities_sum_to_one() -> None:
    found = sharpened(np.array([[0.6, 0.3, 0.1]], np.float32), 2.0)
    np.testing.assert_allclose(found, [[0.36 / 0.46, 0.09 / 0.46, 0.01 / 0.46]], rtol=1e-5)
