from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.parts.forest import TfidfForest, Trees
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.errors import BundleDamaged


def two_trees() -> TfidfForest:
    """One tree asks for "карта", the other is a single leaf that is three parts of four "b"."""
    trees = Trees(
        root=np.array([0, 3], np.int32),
        feature=np.array([0, -2, -2, -2], np.int32),
        threshold=np.array([0.5, -2, -2, -2], np.float64),
        left=np.array([1, -1, -1, -1], np.int32),
        right=np.array([2, -1, -1, -1], np.int32),
        share_start=np.array([0, 0, 1, 2, 4], np.int32),
        share_label=np.array([0, 1, 0, 1], np.int32),
        share=np.array([1, 1, 0.25, 0.75], np.float32),
    )
    return TfidfForest(Tfidf([NgramBlock("word", 1, 1)], [["карта"]], np.ones(1, np.float32)), trees, 2)


def test_leaves_are_averaged() -> None:
    probabilities = two_trees().predict_proba(["карта", "другое"])
    np.testing.assert_allclose(probabilities, [[0.125, 0.875], [0.625, 0.375]], atol=1e-6)


def test_reads_back_what_it_wrote(tmp_path: Path) -> None:
    forest = two_trees()
    forest.save(tmp_path)
    again = TfidfForest.load(tmp_path, 2)
    np.testing.assert_array_equal(again.predict_proba(["карта"]), forest.predict_proba(["карта"]))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("left", np.array([9, -1, -1, -1], np.int32)),
        ("root", np.array([0, 9], np.int32)),
        ("feature", np.array([5, -2, -2, -2], np.int32)),
        ("share_label", np.array([0, 1, 0, 2], np.int32)),
        ("share", np.array([1.0], np.float32)),
        ("threshold", np.array([np.inf, 0, 0, 0], np.float64)),
    ],
)
def test_table_that_points_beyond_its_end_is_refused_by_name(tmp_path: Path, name: str, array: np.ndarray) -> None:
    two_trees().save(tmp_path)
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(BundleDamaged, match=r"\.npy is damaged"):
        TfidfForest.load(tmp_path, 2)


def test_a_walk_that_would_never_end_is_refused(tmp_path: Path) -> None:
    two_trees().save(tmp_path)
    left = np.load(tmp_path / "left.npy")
    left[np.flatnonzero(left >= 0)[0]] = 0
    np.save(tmp_path / "left.npy", left)
    with pytest.raises(BundleDamaged, match=r"left\.npy"):
        TfidfForest.load(tmp_path, 2)
