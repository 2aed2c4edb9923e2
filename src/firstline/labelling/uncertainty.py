"""Messages that a model is unsure about."""

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head

_DROPOUTS, _DROPPED = 3, 0.75


def margins(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far the best class is ahead of the second, (n,), 0 to 1, lower is less sure.

    `probabilities` are (n, n_labels), with at least two labels.
    """
    best = np.partition(probabilities, -2, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0], np.float32)


def flips(vectors: NDArray[np.float32], head: Head, random: np.random.Generator) -> NDArray[np.int64]:
    """How often the answer changes if three quarters of the vector are hidden, (n,), 0 to 3.

    DropQuery (Gupte et al. 2024, arXiv 2401.14555). `vectors` are (n, n_dimensions), as the head reads them.
    """
    usual = head(vectors).argmax(axis=1)
    changed = np.zeros(len(vectors), np.int64)
    for _ in range(_DROPOUTS):
        is_kept = random.random(vectors.shape, np.float32) >= _DROPPED
        dropped = np.where(is_kept, vectors / np.float32(1 - _DROPPED), np.float32(0))
        changed += head(dropped).argmax(axis=1) != usual
    return changed


def central(vectors: NDArray[np.float32], clusters: NDArray[np.int64]) -> NDArray[np.int64]:
    """The place of the message nearest to the mean of each cluster, (n_clusters,); the largest cluster first.

    `vectors` are (n, n_dimensions), `clusters`, (n,), the cluster of each.
    """
    size = np.bincount(clusters)
    found = []
    for cluster in sorted(np.flatnonzero(size), key=lambda one: (-size[one], one)):
        members = np.flatnonzero(clusters == cluster)
        apart = ((vectors[members] - vectors[members].mean(axis=0)) ** 2).sum(axis=1)
        found.append(members[apart.argmin()])
    return np.array(found, np.int64)
