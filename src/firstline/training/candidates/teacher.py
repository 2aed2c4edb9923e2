"""A teacher for the messages that nobody labelled: what cheap models make of them, mixed.

Training a network on a teacher's probabilities for unlabelled messages passes on what the teacher
knows (Hinton et al. 2015, Bucila et al. 2006); the network reads faster than its teachers, and
serving needs none of them.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold

from firstline.bundle.parts.tfidf import NgramBlock
from firstline.training.candidates.latent import some
from firstline.training.candidates.regression import COUNTS_C, Features, Regression, fit_regression
from firstline.training.candidates.tfidf import BLOCKS

_INNER_FOLDS = 3
_SHARES = (0.0, 0.5, 1.0, 2.0)
_LEAST_LOG = -20.0
_N_NEIGHBOURS, _FALL_OFF, _SHARE_OF_NEIGHBOURS = 15, 0.1, 0.5
_ROWS_AT_A_TIME, _COSINES_AT_A_TIME, _MOST_DRAWN = 1_000, 50_000_000, 30_000


def tfidf_features(texts: Sequence[str]) -> sparse.csr_array:
    """TF-IDF of words and parts of words of ruled texts, (n_texts, n_features), float32."""
    least = 2 if len(texts) > 100 else 1
    parts = [_tfidf(block, texts, least) for block in BLOCKS]
    return sparse.csr_array(sparse.hstack(parts, format="csr"))


def _tfidf(block: NgramBlock, texts: Sequence[str], least: int) -> sparse.csr_array:
    vectorizer = TfidfVectorizer(analyzer=block, sublinear_tf=True, min_df=least, dtype=np.float32)
    try:
        found: sparse.csr_array = vectorizer.fit_transform(texts)
    except ValueError:
        # No n-gram in `least` texts, as where all are masks alone: a column that tells nothing.
        return sparse.csr_array(np.zeros((len(texts), 1), np.float32))
    return found


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each message: `places` and `weights`, both (n_messages, n_neighbours)."""

    places: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def of(cls, vectors: NDArray[np.float32]) -> Self:
        """By the cosine of vectors, (n_messages, n_dimensions); the weight falls off exponentially with it.

        With more than 30,000 messages, neighbours are searched among 30,000 drawn at random.
        """
        n_messages = len(vectors)
        n_neighbours = min(_N_NEIGHBOURS, n_messages - 1)
        units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        drawn = np.array(some(range(n_messages), _MOST_DRAWN, seed=0), np.int64)
        others = units if len(drawn) == n_messages else units[drawn]
        places = np.zeros((n_messages, n_neighbours), np.int64)
        weights = np.zeros((n_messages, n_neighbours), np.float32)
        if not n_neighbours:
            return cls(places, weights)
        n_rows = max(1, min(_ROWS_AT_A_TIME, _COSINES_AT_A_TIME // len(drawn)))
        for start in range(0, n_messages, n_rows):
            rows = slice(start, start + n_rows)
            cosines = units[rows] @ others.T
            own = np.flatnonzero((drawn >= start) & (drawn < start + len(cosines)))
            cosines[drawn[own] - start, own] = -1
            nearest = np.sort(np.argpartition(-cosines, n_neighbours - 1, axis=1)[:, :n_neighbours], axis=1)
            places[rows] = drawn[nearest]
            weights[rows] = np.exp((np.take_along_axis(cosines, nearest, axis=1) - 1) / _FALL_OFF)
        return cls(places, weights)

    def smoothed(self, probabilities: NDArray[np.float32], is_known: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Half of each message's own probabilities, (n_messages, n_labels), and half of its neighbours'.

        One step of label spreading (Zhou et al. 2004). Neighbours that are not known do not count.
        """
        weights = self.weights * is_known[self.places]
        total = weights.sum(axis=1, keepdims=True)
        result = probabilities.copy()
        for column in range(probabilities.shape[1]):
            around = (weights * probabilities[self.places, column]).sum(axis=1, keepdims=True)
            mean = np.divide(around, total, out=probabilities[:, [column]].copy(), where=total > 0)
            result[:, column] += _SHARE_OF_NEIGHBOURS * (mean[:, 0] - probabilities[:, column])
        return result


class Teacher:
    """Logistic regressions, one for each kind of features, mixed by weighted geometric mean.

    The weights are those that fit held-out labels best, by cross-validation inside what it is given.
    """

    def __init__(self, *, has_many_labels: bool = False) -> None:
        self.has_many_labels = has_many_labels

    def fit(self, features: Mapping[str, Features], labels: NDArray[np.int64], n_labels: int) -> Self:
        """`features[kind]` (n_labelled, ...), `labels` (n_labelled,) places of classes."""
        self.n_labels_ = n_labels
        self.weights_ = self._weigh(features, labels)
        self.models_ = {kind: self._fit(values, labels) for kind, values in features.items() if self.weights_[kind]}
        return self

    def predict_proba(self, features: Mapping[str, Features]) -> NDArray[np.float32]:
        """(n_messages, n_labels); rows sum to 1."""
        logs = {kind: _log_proba(model, features[kind], self.n_labels_) for kind, model in self.models_.items()}
        return _mixed(logs, self.weights_)

    def _fit(self, features: Features, labels: NDArray[np.int64]) -> Regression:
        # Zeros in front, so that the names sort as the numbers do.
        names = [f"{label:06d}" for label in labels]
        return fit_regression(features, names, COUNTS_C, in_steps=self.has_many_labels)

    def _weigh(self, features: Mapping[str, Features], labels: NDArray[np.int64]) -> dict[str, float]:
        kinds = list(features)
        even = dict.fromkeys(kinds, 1.0)
        n_folds = min(_INNER_FOLDS, int(np.bincount(labels).max()))
        if len(kinds) == 1 or n_folds < 2:
            return even
        held_out = {kind: np.zeros((len(labels), self.n_labels_), np.float32) for kind in kinds}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=0).split(labels, labels))
        for learned, checked in folds:
            if len(set(labels[learned].tolist())) < 2:
                return even
            for kind in kinds:
                model = self._fit(features[kind][learned], labels[learned])
                held_out[kind][checked] = _log_proba(model, features[kind][checked], self.n_labels_)
        mixes = [dict(zip(kinds, shares, strict=True)) for shares in product(_SHARES, repeat=len(kinds)) if any(shares)]
        return max(mixes, key=lambda mix: _accuracy(held_out, mix, labels))


def _log_proba(model: Regression, features: Features, n_labels: int) -> NDArray[np.float32]:
    """(n_messages, n_labels); a class that the model never saw is as unlikely as can be."""
    logs = np.full((features.shape[0], n_labels), _LEAST_LOG, np.float32)
    columns = [int(label) for label in model.labels]
    logs[:, columns] = np.log(np.maximum(model.predict_proba(features), np.exp(_LEAST_LOG)))
    return logs


def _mixed(logs: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> NDArray[np.float32]:
    total = sum(weights[kind] for kind in logs)
    parts = np.stack([weights[kind] / total * values for kind, values in logs.items()])
    mixed = parts.sum(axis=0)
    mixed = np.exp(mixed - mixed.max(axis=1, keepdims=True))
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True), np.float32)


def _accuracy(logs: Mapping[str, NDArray[np.float32]], mix: Mapping[str, float], labels: NDArray[np.int64]) -> float:
    """Of the mixture; ties go to the likelier mixture."""
    proba = _mixed(logs, mix)
    likelihood = float(np.log(np.maximum(proba[np.arange(len(labels)), labels], 1e-9)).mean())
    return float((proba.argmax(axis=1) == labels).mean()) + 0.01 * likelihood
