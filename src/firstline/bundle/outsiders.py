"""Tells the probability of none of the classes from those of the team's classes, and puts both together again."""

import numpy as np
from numpy.typing import NDArray

_LEAST_LEFT = 1e-9
"""With less left for the classes, nothing is known about which of them it is."""


def without_none(probabilities: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Split (..., n_labels + 1), the last column none of the classes, into (..., n_labels) and that column, (...,).

    The rows of the former are made to sum to 1; they are even if nothing is left for the classes.
    """
    team = probabilities[..., :-1].astype(np.float64)
    left = team.sum(axis=-1, keepdims=True)
    is_some = left >= _LEAST_LEFT
    team = np.where(is_some, team / np.where(is_some, left, 1.0), 1 / team.shape[-1])
    return team.astype(np.float32), probabilities[..., -1]


def with_none(team: NDArray[np.float32], none: NDArray[np.float32]) -> NDArray[np.float32]:
    """The opposite of `without_none`: (..., n_labels + 1) from (..., n_labels) and (...,)."""
    return np.concatenate([team * (1 - none[..., None]), none[..., None]], axis=-1)


def is_none_likeliest(team: NDArray[np.float32], none: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether none of the classes, (..., n_labels), is likelier than each of them: (...,)."""
    return np.asarray(none > (1 - none) * team.max(axis=-1))
