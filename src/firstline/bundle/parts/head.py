"""Classes on top of vectors: multinomial logistic regression."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged


@dataclass(frozen=True)
class Head:
    """`weights` (n_dimensions, n_labels), `bias` (n_labels,), both float32."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Vectors, (n_texts, n_dimensions), to probabilities, (n_texts, n_labels)."""
        scores = np.asarray(vectors @ self.weights + self.bias, np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores

    def save(self, folder: Path) -> None:
        save_array(folder, "weights", self.weights)
        save_array(folder, "bias", self.bias)

    @classmethod
    def load(cls, files: PartFiles, n_dimensions: int, n_labels: int) -> "Head":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        weights = load_array(files, "weights", np.float32, 2)
        bias = load_array(files, "bias", np.float32, 1)
        if weights.shape != (n_dimensions, n_labels):
            expected = (n_dimensions, n_labels)
            raise damaged(files.folder / "weights.npy", f"its shape is {weights.shape}, expected {expected}")
        if len(bias) != n_labels:
            raise damaged(files.folder / "bias.npy", f"it holds {len(bias):,} values, expected {n_labels:,}")
        return cls(weights, bias)
