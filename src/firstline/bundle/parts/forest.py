"""A random forest over TF-IDF: all trees are walked side by side, one level a step."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.tfidf import Tfidf


@dataclass(frozen=True)
class Trees:
    """All trees in one table of nodes.

    A node goes left where `feature <= threshold`; `left` is -1 at a leaf. The class shares of node
    i are `share[share_start[i] : share_start[i + 1]]`, of the classes `share_label[...]`; they are
    there for leaves only, and most leaves hold one class.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    share_start: NDArray[np.int32]
    share_label: NDArray[np.int32]
    share: NDArray[np.float32]


class TfidfForest:
    """The mean of the leaves' class shares over all trees."""

    kind = "tfidf_forest.v1"

    def __init__(self, tfidf: Tfidf, trees: Trees, n_labels: int) -> None:
        self.tfidf = tfidf
        self.trees = trees
        self.n_labels = n_labels

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of ruled texts, (n_texts, n_labels)."""
        result = np.empty((len(texts), self.n_labels), np.float32)
        dense = np.zeros(self.tfidf.n_features, np.float32)
        for row, text in enumerate(texts):
            places, values = self.tfidf.features(text)
            dense[places] = values
            result[row] = self._shares(self._leaves(dense))
            dense[places] = 0
        return result

    def _leaves(self, dense: NDArray[np.float32]) -> NDArray[np.int32]:
        trees = self.trees
        node = trees.root.copy()
        walking = np.flatnonzero(trees.left[node] >= 0)
        while walking.size:
            here = node[walking]
            goes_left = dense[trees.feature[here]] <= trees.threshold[here]
            there = np.where(goes_left, trees.left[here], trees.right[here])
            node[walking] = there
            walking = walking[trees.left[there] >= 0]
        return node

    def _shares(self, leaves: NDArray[np.int32]) -> NDArray[np.float32]:
        trees = self.trees
        start, end = trees.share_start[leaves], trees.share_start[leaves + 1]
        lengths = end - start
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        picked = np.repeat(start, lengths) + within
        summed = np.bincount(trees.share_label[picked], trees.share[picked], self.n_labels)
        return np.asarray(summed / summed.sum(), np.float32)

    def save(self, folder: Path) -> None:
        self.tfidf.save(folder)
        for item in fields(Trees):
            np.save(folder / f"{item.name}.npy", getattr(self.trees, item.name), allow_pickle=False)
        np.save(folder / "n_labels.npy", np.array(self.n_labels), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> "TfidfForest":
        arrays = {item.name: np.load(folder / f"{item.name}.npy", allow_pickle=False) for item in fields(Trees)}
        n_labels = int(np.load(folder / "n_labels.npy", allow_pickle=False))
        return cls(Tfidf.load(folder), Trees(**arrays), n_labels)
