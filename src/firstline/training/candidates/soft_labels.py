"""Learning from people's labels and from a teacher's probabilities side by side.

A target is a row of n_labels + 1 numbers: a distribution over the classes, then 1 for a label by people or 0.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional


class SoftLabelLoss(nn.Module):
    """Mean cross-entropy against a distribution over the classes; focal for labels by people.

    Focal loss (Lin et al. 2017) turns down rows that are right already: (1 - p)^gamma, where p is the
    probability of the true class. Soft labels of a teacher are taken as they are.
    """

    def __init__(self, gamma: float = 0.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """`logits` (n_rows, n_labels); `target` (n_rows, n_labels + 1), see `targets_of`."""
        distribution = target[:, :-1]
        log_probabilities = functional.log_softmax(logits.float(), dim=1)
        losses = -(distribution * log_probabilities).sum(dim=1)
        if self.gamma:
            right = (distribution * log_probabilities.exp()).sum(dim=1)
            losses = losses * torch.where(by_people(target), (1 - right) ** self.gamma, torch.ones_like(right))
        return losses.mean()


def by_people(target: Tensor) -> Tensor:
    """Which rows are labels by people, (n_rows,)."""
    return target[:, -1] > 0


def targets_of(
    labels: NDArray[np.int64], n_labels: int, soft_labels: NDArray[np.float32], smoothing: float
) -> NDArray[np.float32]:
    """The targets of people's labels, (n_labelled,) places of classes, then those of the soft ones.

    `smoothing` is what the true class of a label gives up to all. All rows weigh the same: soft labels bring the
    rare classes (docs/EXPERIMENTS.md).
    """
    hard = np.full((len(labels), n_labels), smoothing / n_labels, np.float32)
    hard[np.arange(len(labels)), labels] += 1 - smoothing
    is_by_people = np.repeat(np.array([1, 0], np.float32), [len(labels), len(soft_labels)])
    return np.column_stack([np.concatenate([hard, soft_labels]), is_by_people])


def sharpened(soft_labels: NDArray[np.float32], sharpness: float) -> NDArray[np.float32]:
    """Probabilities, (n_messages, n_labels), to the power `sharpness`; rows sum to 1 again."""
    found = soft_labels**sharpness
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)
