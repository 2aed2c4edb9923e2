"""Groups of unit vectors: each group lies around a direction of its own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def groups(sizes: Sequence[int], n_dimensions: int = 16, spread: float = 0.05) -> NDArray[np.float32]:
    """The vectors of groups of these sizes, (n, n_dimensions), one group after the other."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(len(sizes), n_dimensions, dtype=np.float32), sizes, axis=0)
    found = centres + spread * random.standard_normal(centres.shape, np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def group_of(sizes: Sequence[int]) -> NDArray[np.int64]:
    """The group of each vector, (n,)."""
    return np.repeat(np.arange(len(sizes)), sizes)
