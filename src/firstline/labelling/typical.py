"""Typical messages for a start without labels: one from the middle of each cluster.

TypiClust (Hacohen, Dekel, Weinshall 2022): with few labels, typical messages teach more than uncertain ones.
"""

import numpy as np
from numpy.typing import NDArray

_NEIGHBOURS = 20
_MOST_COMPARED = 2_000
_SMALL = 5
"""Clusters with fewer messages come last: they are mostly outliers."""


def typicality(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """How close each message of one cluster is to its 20 nearest, (n,): the mean cosine, higher is more typical.

    `vectors` are unit vectors, (n, n_dimensions). In a cluster of more than 2,000, the nearest of 2,000 count.
    """
    others = vectors[:: -(-len(vectors) // _MOST_COMPARED)]
    n_near = min(_NEIGHBOURS, len(others))
    found = [
        np.partition(vectors[start : start + _MOST_COMPARED] @ others.T, -n_near, axis=1)[:, -n_near:].mean(axis=1)
        for start in range(0, len(vectors), _MOST_COMPARED)
    ]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def typical(
    vectors: NDArray[np.float32], clusters: NDArray[np.int64], is_open: NDArray[np.bool_], n: int
) -> NDArray[np.int64]:
    """Places of at most `n` open messages, (n,), the first to be labelled first.

    `clusters`, (n_messages,), is the cluster of each message. `is_open`, (n_messages,), is False for messages that have
    a label. Clusters with the fewest labels come first, then the largest. Each gives its most typical open message;
    clusters give a second one only after each has given its first.
    """
    given = np.bincount(clusters[~is_open], minlength=clusters.max(initial=-1) + 1)
    size = np.bincount(clusters, minlength=len(given))
    queued: list[tuple[bool, int, int, int]] = []
    for cluster in np.flatnonzero(size):
        members = np.flatnonzero(clusters == cluster)
        order = members[np.argsort(-typicality(vectors[members]), kind="stable")]
        rows = order[is_open[order]][:n]
        is_small = bool(size[cluster] < _SMALL)
        queued += [
            (is_small, int(given[cluster]) + turn, -int(size[cluster]), int(place)) for turn, place in enumerate(rows)
        ]
    return np.array([place for *_, place in sorted(queued)[:n]], np.int64)
