"""Learning from people's labels and from a teacher's probabilities side by side."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


class SoftLabelLoss(nn.Module):
    """Cross-entropy against a distribution over the classes, weighted by row; focal for labels by people.

    Focal loss (Lin et al. 2017) turns down rows that are right already: (1 - p)^gamma, where p is the
    probability of the true class. Soft labels of a teacher are taken as they are.
    """

    def __init__(self, gamma: float = 0.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """`logits` (n_rows, n_labels); `target` (n_rows, n_labels + 2), see `Targets`."""
        targets = Targets(target)
        log_probabilities = functional.log_softmax(logits.float(), dim=1)
        losses = -(targets.distribution * log_probabilities).sum(dim=1)
        if self.gamma:
            right = (targets.distribution * log_probabilities.exp()).sum(dim=1)
            losses = losses * torch.where(targets.by_people, (1 - right) ** self.gamma, torch.ones_like(right))
        return (losses * targets.weight).sum() / targets.weight.sum()


@dataclass(frozen=True)
class Targets:
    """Rows of distribution, weight, and 1 for a label by people; (n_rows, n_labels + 2)."""

    rows: Tensor

    @property
    def distribution(self) -> Tensor:
        return self.rows[:, :-2]

    @property
    def weight(self) -> Tensor:
        return self.rows[:, -2]

    @property
    def by_people(self) -> Tensor:
        return self.rows[:, -1] > 0


def targets_of(
    labels: NDArray[np.int64],
    n_labels: int,
    soft_labels: NDArray[np.float32],
    smoothing: float,
    class_weight_power: float,
) -> NDArray[np.float32]:
    """The rows of `Targets`: the labels of people, (n_labelled,) places of classes, then the soft ones.

    `smoothing` is what the true class of a label gives up to all. `class_weight_power` 1 weighs all classes
    of labels the same, 0 all messages.
    """
    by_people = np.full((len(labels), n_labels + 2), smoothing / n_labels, np.float32)
    by_people[np.arange(len(labels)), labels] += 1 - smoothing
    counts = np.bincount(labels, minlength=n_labels).astype(np.float64)
    weights = (len(labels) / (n_labels * np.maximum(counts, 1))) ** class_weight_power
    by_people[:, -2] = weights[labels]
    by_people[:, -1] = 1
    by_teacher = np.ones((len(soft_labels), n_labels + 2), np.float32)
    by_teacher[:, :-2] = soft_labels
    by_teacher[:, -1] = 0
    return np.concatenate([by_people, by_teacher])


def sharpened(soft_labels: NDArray[np.float32], sharpness: float) -> NDArray[np.float32]:
    """Probabilities, (n_messages, n_labels), to the power `sharpness`; rows sum to 1 again."""
    found = soft_labels**sharpness
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)
