"""Suggestions without a single label: messages are compared with the names of the classes.

The vector of a name is only a rough guess at where the messages of its class are. So prototypes begin at the names and
move over the pool by soft k-means.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_SUGGESTED = 9
"""As many as a page has number keys for."""
_ROUNDS = 5
_TEMPERATURE = 0.05
_NAME_SHARE = 0.5


@dataclass(frozen=True)
class Suggestions:
    """The best classes of each message, best first.

    `places`, (n, at most 9), index the classes; `scores`, of the same shape, are 0 to 1 and add up to at most 1.
    """

    places: NDArray[np.int64]
    scores: NDArray[np.float32]


def named_prototypes(vectors: NDArray[np.float32], classes: Sequence[int]) -> NDArray[np.float32]:
    """One unit vector for each class, (n_classes, n_dimensions): the mean of its name and sentences.

    `vectors`, (n, n_dimensions), belong to `classes`, (n,): places 0 to n_classes - 1, each there at least once.
    """
    sums = np.zeros((max(classes) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, np.asarray(classes), vectors)
    return _unit(sums)


def moved(
    vectors: NDArray[np.float32],
    prototypes: NDArray[np.float32],
    rounds: int = _ROUNDS,
    temperature: float = _TEMPERATURE,
    name_share: float = _NAME_SHARE,
) -> NDArray[np.float32]:
    """Prototypes after soft k-means over the pool, (n_classes, n_dimensions), as unit vectors.

    `vectors`, (n, n_dimensions), and `prototypes`, (n_classes, n_dimensions), are unit vectors around the same mean.
    In each round, a prototype becomes the mean of the messages, weighted by how likely they belong to its class, and
    `name_share` of where it began, so that it does not leave its name for another topic.
    """
    found = prototypes
    for _ in range(rounds):
        shares = _shares(vectors, found, temperature)
        means = _unit(shares.T @ vectors)
        found = _unit((1 - name_share) * means + name_share * prototypes)
    return found


def suggestions(
    vectors: NDArray[np.float32], prototypes: NDArray[np.float32], temperature: float = _TEMPERATURE
) -> Suggestions:
    """The at most 9 nearest classes of each message; arguments as in `moved`."""
    shares = _shares(vectors, prototypes, temperature)
    places = np.argsort(-shares, axis=1, kind="stable")[:, :MOST_SUGGESTED]
    return Suggestions(places, np.take_along_axis(shares, places, axis=1))


def _shares(vectors: NDArray[np.float32], prototypes: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """How likely each message belongs to each class, (n, n_classes); rows sum to 1."""
    scores = np.asarray(vectors @ prototypes.T / np.float32(temperature), np.float32)
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)
