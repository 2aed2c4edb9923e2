"""A random forest over TF-IDF. It walks all trees in parallel, one level per step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged
from firstline.bundle.parts.tfidf import Tfidf
from firstline.text.readings import Reading


@dataclass(frozen=True)
class Trees:
    """All trees in one table of nodes.

    A node goes left if `feature <= threshold`; `left` is -1 at a leaf. The class shares of node i are
    `share[share_start[i] : share_start[i + 1]]`, for the classes `share_label[...]`. Only leaves have shares, and most
    leaves hold one class.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    share_start: NDArray[np.int32]
    share_label: NDArray[np.int32]
    share: NDArray[np.float32]


_TYPES: dict[str, type[np.generic]] = {
    "root": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "share_start": np.int32,
    "share_label": np.int32,
    "share": np.float32,
}


_DEEPEST = 10_000


class TfidfForest:
    """The mean of the leaves' class shares over all trees."""

    kind = "tfidf_forest.v1"
    reads: Reading = "ruled"

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
        for name in _TYPES:
            save_array(folder, name, getattr(self.trees, name))

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "TfidfForest":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        tfidf = Tfidf.load(files)
        arrays = {name: load_array(files, name, dtype, 1) for name, dtype in _TYPES.items()}
        n_nodes, n_shares = len(arrays["left"]), len(arrays["share"])
        sizes = {"feature": n_nodes, "threshold": n_nodes, "right": n_nodes}
        sizes |= {"share_start": n_nodes + 1, "share_label": n_shares}
        limits = {"root": n_nodes, "left": n_nodes, "right": n_nodes, "share_label": n_labels}
        for name, size in sizes.items():
            if len(arrays[name]) != size:
                raise damaged(files.folder / f"{name}.npy", f"it holds {len(arrays[name]):,} values, expected {size:,}")
        for name, limit in (limits | {"feature": tfidf.n_features, "share_start": n_shares + 1}).items():
            if arrays[name].max(initial=0) >= limit:
                raise damaged(files.folder / f"{name}.npy", f"it points beyond the end, {limit:,}")
        trees = Trees(**arrays)
        if problem := _problem_of(trees):
            raise damaged(files.folder / f"{problem[0]}.npy", problem[1])
        return cls(tfidf, trees, n_labels)


def _problem_of(trees: Trees) -> tuple[str, str] | None:
    """The array that spoils a walk, and how; None if every walk ends soon, at a leaf with shares."""
    inner = np.flatnonzero(trees.left >= 0)
    for name, starts in (("root", trees.root), ("feature", trees.feature[inner]), ("share_label", trees.share_label)):
        if (starts < 0).any():
            return name, "it points before the beginning"
    for name, children in (("left", trees.left[inner]), ("right", trees.right[inner])):
        # So that every walk ends.
        if not (children > inner).all():
            return name, "a node has a child that comes before it"
    lengths = np.diff(trees.share_start)
    if trees.share_start[0] != 0 or (lengths < 0).any() or not lengths[trees.left < 0].all():
        return "share_start", "a leaf has no shares"
    if not trees.root.size or (trees.share < 0).any():
        return "share", "it holds shares below 0, or there is no tree"
    return _problem_of_depth(trees)


def _problem_of_depth(trees: Trees) -> tuple[str, str] | None:
    """The same for trees that share nodes or are too deep: one text would take minutes."""
    inner = np.flatnonzero(trees.left >= 0)
    reached = np.bincount(np.concatenate([trees.root, trees.left[inner], trees.right[inner]]), minlength=1)
    if reached.max() > 1:
        return "left", "a node is reached in more than one way"
    level = trees.root
    for _ in range(_DEEPEST):
        level = level[trees.left[level] >= 0]
        if not level.size:
            return None
        level = np.concatenate([trees.left[level], trees.right[level]])
    return "left", f"a tree has more than {_DEEPEST:,} levels"
