"""Latent semantic analysis (Deerwester et al. 1990): which n-grams belong together, by the messages that have them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

Item = TypeVar("Item")

N_COMPONENTS = 300
MOST_UNLABELLED = 20_000
"""Of the messages without a label, components are learned from so many at most: see `some`."""

_MOST_DECOMPOSED = 30_000
_N_ITERATIONS = 2
_LEAST_SINGULAR, _LEAST_LENGTH = 1e-6, 1e-9


def to_components(features: sparse.csr_array, n_components: int, share: float, seed: int) -> NDArray[np.float32]:
    """From features to latent components, (n_features, n_components): rows of mean length `share` come out.

    A component counts by the square root of its singular value.
    """
    n_components = min(n_components, *(size - 1 for size in features.shape))
    if n_components < 1 or not features.nnz:
        return np.zeros((features.shape[1], 1), np.float32)
    latent, svd = _decomposed(features, n_components, seed)
    roots = np.sqrt(np.maximum(svd.singular_values_, _LEAST_SINGULAR))
    size = float(np.sqrt(((latent / roots) ** 2).sum(axis=1).mean()))
    return np.asarray(svd.components_.T / roots * (share / max(size, _LEAST_SINGULAR)), np.float32)


def latent_vectors(features: sparse.csr_array, seed: int) -> NDArray[np.float32]:
    """Unit vectors of texts, (n_texts, 300 or fewer); components are those of 30,000 texts at most, drawn at random."""
    n_components = max(1, min(N_COMPONENTS, *(size - 1 for size in features.shape)))
    drawn = some(range(features.shape[0]), _MOST_DECOMPOSED, seed)
    if len(drawn) == features.shape[0]:
        found, _ = _decomposed(features, n_components, seed)
    else:
        found = _decomposed(features[drawn], n_components, seed)[1].transform(features)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), _LEAST_LENGTH), np.float32)


def some(items: Sequence[Item], most: int, seed: int) -> list[Item]:
    """At most so many, drawn at random, in their order."""
    drawn = np.random.default_rng(seed).permutation(len(items))[:most]
    return [items[place] for place in np.sort(drawn)]


def _decomposed(features: sparse.csr_array, n_components: int, seed: int) -> tuple[NDArray[np.float32], TruncatedSVD]:
    """The texts by component, (n_texts, n_components), and the fitted decomposition."""
    # Texts that are all the same have no variance, which scikit-learn divides by.
    with np.errstate(invalid="ignore", divide="ignore"):
        svd = TruncatedSVD(n_components, random_state=seed, n_iter=_N_ITERATIONS)
        return svd.fit_transform(features), svd
