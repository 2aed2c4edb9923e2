"""Groups of messages that are alike."""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

_MAX_ITER = 30
_IN_BATCHES_FROM = 5_000_000
"""From so many messages times clusters on, k-means reads batches."""


def clusters_of(vectors: NDArray[np.float32], n: int, seed: int) -> NDArray[np.int64]:
    """The cluster of each message, (n_messages,), by k-means with `n` clusters; some may be empty.

    `vectors` are (n_messages, n_dimensions).
    """
    if len(vectors) <= n:
        return np.arange(len(vectors))
    kind = KMeans if len(vectors) * n < _IN_BATCHES_FROM else MiniBatchKMeans
    with warnings.catch_warnings(), threadpool_limits(1):
        # Messages with the same vector make fewer clusters than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = kind(n, n_init=1, max_iter=_MAX_ITER, random_state=seed).fit_predict(vectors)
    return np.asarray(found, np.int64)
