"""Labels to check again: a model that has not learned a label does not agree with it.

Unlike `suspects`, which asks the folds of a training, this takes a fraction of a second, so it can run while people
label. The model is ridge regression, whose answers without one message follow from a single fit (Allen 1974).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firstline.types import Label

_PENALTY = 1.0


def doubtful(vectors: NDArray[np.float32], labels: Sequence[Label]) -> NDArray[np.int64]:
    """Places of labels that the others contradict, the most doubtful first.

    `vectors` are unit vectors around their mean, (n, n_dimensions), of the messages with `labels`, (n,). A label that
    no other message has is never doubtful, since nothing can check it.
    """
    names, truth = np.unique(np.asarray(labels, object).astype(str), return_inverse=True)
    if len(names) < 2:
        return np.empty(0, np.int64)
    scores = _left_out(vectors, np.eye(len(names), dtype=np.float64)[truth])
    of_label = scores[np.arange(len(truth)), truth]
    lead = scores.max(axis=1) - of_label
    is_single = np.bincount(truth)[truth] == 1
    places = np.flatnonzero((lead > 0) & ~is_single)
    return places[np.argsort(-lead[places], kind="stable")]


def _left_out(vectors: NDArray[np.float32], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a ridge regression that has not learned a message answers to it, (n, n_labels)."""
    features = np.hstack([vectors.astype(np.float64), np.ones((len(vectors), 1))])
    penalty = _PENALTY * np.eye(features.shape[1])
    projected = np.linalg.solve(features.T @ features + penalty, features.T)
    answers = features @ (projected @ targets)
    leverage = np.einsum("nd,dn->n", features, projected)[:, None]
    return np.asarray((answers - leverage * targets) / np.maximum(1 - leverage, 1e-6))
