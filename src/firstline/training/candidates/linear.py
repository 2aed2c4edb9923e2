"""`linear.v1`: word and character TF-IDF, multinomial logistic regression."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.text.rules import TextRules
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message

_DUAL_UP_TO = 4_000
_SMALLEST_EIGENVALUE = 1e-9


class Linear:
    """Logistic regression whose classes weigh the same, whatever their number of messages."""

    def __init__(self, rules: TextRules, seed: int = 0, C: float = 30.0, max_iter: int = 300) -> None:
        self.rules = rules
        self.seed = seed
        self.C = C
        self.max_iter = max_iter
        self.blocks = (NgramBlock("word", 1, 2), NgramBlock("char", 2, 4))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        self.tfidf_ = TfidfBlocks(self.blocks)
        features = self.tfidf_.fit_transform(self._texts(messages))
        dual = features.shape[0] <= min(_DUAL_UP_TO, features.shape[1])
        to_features, solved_on = _span(features) if dual else (None, features)
        model = LogisticRegression(C=self.C, class_weight="balanced", max_iter=self.max_iter, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(solved_on, np.asarray(labels))
        self.labels_ = [str(label) for label in model.classes_]
        weights, bias = model.coef_, model.intercept_
        if to_features is not None:
            weights = weights @ to_features.T @ features
        if len(weights) == 1:
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        self.weights_ = np.ascontiguousarray(np.asarray(weights).T, np.float32)
        self.bias_ = np.asarray(bias, np.float32)
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        scores = self.tfidf_.transform(self._texts(messages)) @ self.weights_ + self.bias_
        scores -= scores.max(axis=1, keepdims=True)
        exponentials = np.exp(scores)
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True), np.float32)

    def export(self, folder: Path) -> str:
        """Write the n-grams and their weights; returns the kind of the part."""
        TfidfLinear(self.tfidf_.fitted(), self.weights_, self.bias_).save(folder)
        return TfidfLinear.kind

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        blocks = [block.__dict__ for block in self.blocks]
        return {"C": self.C, "max_iter": self.max_iter, "class_weight": "balanced", "blocks": blocks}

    def _texts(self, messages: Sequence[Message]) -> list[str]:
        return [self.rules.with_segment(message.text, message.segment) for message in messages]


def _span(features: sparse.csr_array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of the rows in the space that they span, and the way back.

    With an L2 penalty the best weights lie in that space (the representer theorem), so solving
    there gives the same model, much faster where messages are fewer than features. Returns
    `back`, (n, rank), and `coordinates`, (n, rank): weights = coefficients @ back.T @ features.
    """
    eigenvalues, vectors = np.linalg.eigh((features @ features.T).toarray())
    kept = eigenvalues > _SMALLEST_EIGENVALUE * eigenvalues[-1]
    roots, vectors = np.sqrt(eigenvalues[kept]), vectors[:, kept]
    return vectors / roots, vectors * roots
