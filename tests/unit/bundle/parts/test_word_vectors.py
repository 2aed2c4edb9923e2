from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts import load_part
from firstline.bundle.parts.head import Head
from firstline.bundle.parts.word_vectors import WordTable, WordVectors, words_of
from firstline.errors import BundleDamaged

TABLE = WordTable(
    ["еще", "карта", "по-моему"],
    np.array([[100, 0], [0, 100], [-50, 50]], np.int8),
    np.array([0.01, 0.02, 0.01], np.float32),
    np.array([0.5, 1.0, 1.0], np.float32),
)
HEAD = Head(np.array([[1, -1], [0, 2]], np.float32), np.array([0, 1], np.float32))
TEXTS = ["Карта, ещё!", "по-моему", "qqq", ""]


def test_words_are_lower_case_and_joined_by_a_hyphen() -> None:
    assert words_of("По-моему, КАРТА_5 - <PHONE>") == ["по-моему", "карта", "5", "phone"]


def test_a_text_is_the_weighted_mean_of_its_words() -> None:
    found = TABLE(["Карта карта еще"])
    np.testing.assert_allclose(found, [[0.5 / 2.5, 2 * 2.0 / 2.5]], atol=1e-6)


def test_a_word_with_yo_is_found_without() -> None:
    np.testing.assert_array_equal(TABLE(["ещё"]), TABLE(["еще"]))


def test_unknown_words_are_zeros() -> None:
    assert TABLE(["qqq", ""]).tolist() == [[0, 0], [0, 0]]


def test_reads_back_what_it_wrote(tmp_path: Path) -> None:
    WordVectors(TABLE, HEAD).save(tmp_path)
    again = load_part("word_vectors.v1", PartFiles(tmp_path), 2)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), WordVectors(TABLE, HEAD).predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("rows", np.zeros((3, 3), np.int8)),
        ("rows", np.zeros((2, 2), np.int8)),
        ("rows", np.zeros((3, 2), np.float32)),
        ("scales", np.ones(2, np.float32)),
        ("scales", np.zeros(3, np.float32)),
        ("word_weights", -np.ones(3, np.float32)),
        ("word_weights", np.full(3, np.nan, np.float32)),
        ("bias", np.ones(3, np.float32)),
    ],
)
def test_arrays_of_another_shape_are_refused(tmp_path: Path, name: str, array: NDArray[np.generic]) -> None:
    WordVectors(TABLE, HEAD).save(tmp_path)
    np.save(tmp_path / f"{name}.npy", array)
    with pytest.raises(BundleDamaged, match=r"\.(npy|txt) is damaged"):
        WordVectors.load(PartFiles(tmp_path), 2)


@pytest.mark.parametrize("content", [b"", b"\xff", "еще\nкарта".encode()])
def test_spoilt_words_are_refused_by_name(tmp_path: Path, content: bytes) -> None:
    WordVectors(TABLE, HEAD).save(tmp_path)
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(BundleDamaged, match=r"words\.txt is damaged"):
        WordVectors.load(PartFiles(tmp_path), 2)
