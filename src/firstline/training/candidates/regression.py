"""Multinomial logistic regression whose classes weigh the same, for few messages with many features and for many."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.utils.class_weight import compute_sample_weight
from threadpoolctl import threadpool_limits

Features = NDArray[np.float32] | sparse.csr_array

COUNTS_C, _MAX_ITER = 30.0, 300
"""How strongly weights of counted n-grams may differ, as scikit-learn's `C`; the most steps of a fit."""

FEW_LABELS = 2_000
"""A workspace with more labels has its regressions over n-grams solved in steps, see `Context.has_many_labels`."""
_SPANNED_UP_TO = 4_000
"""Up to so many messages, a regression is solved in the space that they span."""

_SMALLEST_EIGENVALUE = 1e-9
_EPOCHS, _STEPS, _STEP_SIZE = 8, 150, 0.03
_COPIES_OF_WEIGHTS = 10


@dataclass(frozen=True)
class Regression:
    """`weights` (n_features, n_labels), `bias` (n_labels,), both float32; `labels` in the order of the columns."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    labels: list[str]

    def predict_proba(self, features: Features) -> NDArray[np.float32]:
        """(n_messages, n_labels); rows sum to 1."""
        scores = np.asarray(features @ self.weights + self.bias, np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        exponentials = np.exp(scores)
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)


def fit_regression(
    features: Features,
    labels: Sequence[str],
    C: float,
    max_iter: int = _MAX_ITER,
    tolerance: float = 1e-3,
    *,
    in_steps: bool = False,
) -> Regression:
    """Fit on features, (n_messages, n_features), until the largest gradient is below `tolerance`.

    Sparse features are read eight times instead, in 150 steps of stochastic gradient descent, if `in_steps`: with many
    messages, time and memory grow only in proportion to them, and unseen messages are answered better.
    On one thread: the products are small, and threads that wait for each other take longer, see docs/EXPERIMENTS.md.
    """
    if in_steps and not isinstance(features, np.ndarray):
        return _descended(features.astype(np.float32, copy=False), labels, C)
    is_wide = features.shape[0] <= min(_SPANNED_UP_TO, features.shape[1])
    is_zero = features.min() == features.max() == 0
    model = LogisticRegression(C=C, class_weight="balanced", max_iter=max_iter, tol=tolerance)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Many classes of one message: what that means, `train` says itself.
        warnings.filterwarnings("ignore", "The number of unique classes is greater", UserWarning)
        to_features, solved_on = _span(features) if is_wide and not is_zero else (None, features)
        model.fit(solved_on, np.asarray(labels))
        weights, bias = model.coef_, model.intercept_
        if to_features is not None:
            weights = weights @ to_features.T @ features
    return _regression(np.asarray(weights).T, bias, model.classes_)


def regression_bytes(n_messages: int, weights_bytes: float) -> float:
    """The memory that a fit takes, about: matrices among few messages, otherwise weights, gradients and their means."""
    return 32 * n_messages**2 if n_messages <= FEW_LABELS else _COPIES_OF_WEIGHTS * weights_bytes


def _descended(features: sparse.csr_array, labels: Sequence[str], C: float) -> Regression:
    """By Adam (Kingma and Ba 2015), in float32: a network of scikit-learn without a hidden layer.

    The objective is that of the regression, but for batches whose weights differ. It stops before the optimum, which is
    worth as much as a stronger penalty.
    """
    truth = np.asarray(labels)
    n_messages = len(truth)
    batch = ceil(n_messages * _EPOCHS / _STEPS)
    model = MLPClassifier(
        hidden_layer_sizes=(),
        # scikit-learn divides the network's penalty by the size of a batch, not by the number of messages.
        alpha=batch / (C * n_messages),
        batch_size=batch,
        learning_rate_init=_STEP_SIZE,
        max_iter=_EPOCHS,
        n_iter_no_change=_EPOCHS,
        random_state=0,
    )
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, truth, sample_weight=compute_sample_weight("balanced", truth).astype(np.float32))
    return _regression(model.coefs_[0], model.intercepts_[0], model.classes_)


def _regression(weights: NDArray[Any], bias: NDArray[Any], classes: NDArray[np.str_]) -> Regression:
    """`weights` (n_features, n_labels), or one column for two labels, which says how likely the second is."""
    if weights.shape[1] == 1:
        weights, bias = np.concatenate([-weights, weights], axis=1) / 2, np.concatenate([-bias, bias]) / 2
    return Regression(
        np.ascontiguousarray(weights, np.float32), np.asarray(bias, np.float32), [str(label) for label in classes]
    )


def _span(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the rows in the space that they span, and the way back.

    With an L2 penalty the best weights lie in that space (the representer theorem), so solving
    there gives the same model, much faster where messages are fewer than features. Returns
    `back`, (n, rank), and `coordinates`, (n, rank): weights = coefficients @ back.T @ features.
    """
    products = features @ features.T
    dense = products.toarray() if sparse.issparse(products) else products
    eigenvalues, vectors = np.linalg.eigh(np.asarray(dense, np.float64))
    kept = eigenvalues > _SMALLEST_EIGENVALUE * eigenvalues[-1]
    roots, vectors = np.sqrt(eigenvalues[kept]), vectors[:, kept]
    return vectors / roots, vectors * roots
