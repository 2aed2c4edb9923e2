"""A linear model over TF-IDF. For each message it reads only the rows of that message's n-grams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged
from firstline.bundle.parts.tfidf import Tfidf
from firstline.text.readings import Reading


class TfidfLinear:
    """Multinomial logistic regression: `weights` (n_features, n_labels), `bias` (n_labels,)."""

    kind = "tfidf_linear.v1"
    reads: Reading = "ruled"

    def __init__(self, tfidf: Tfidf, weights: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.tfidf = tfidf
        self.weights = weights
        self.bias = bias

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        scores = np.empty((len(texts), len(self.bias)), np.float32)
        for row, text in enumerate(texts):
            places, values = self.tfidf.features(text)
            scores[row] = values @ self.weights.take(places, axis=0)
        scores += self.bias
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def save(self, folder: Path) -> None:
        self.tfidf.save(folder)
        save_array(folder, "weights", self.weights)
        save_array(folder, "bias", self.bias)

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "TfidfLinear":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        tfidf = Tfidf.load(files)
        weights = load_array(files, "weights", np.float32, 2)
        bias = load_array(files, "bias", np.float32, 1)
        if weights.shape != (tfidf.n_features, n_labels) or len(bias) != n_labels:
            expected = (tfidf.n_features, n_labels)
            raise damaged(files.folder / "weights.npy", f"its shape is {weights.shape}, expected {expected}")
        return cls(tfidf, weights, bias)
