"""A linear classifier over the weighted mean of a message's word vectors."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged
from firstline.bundle.parts.head import Head
from firstline.text.readings import Reading

_WORDS_FILE = "words.txt"
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case. A hyphen joins two words into one."""
    return _WORD.findall(text.lower())


class WordTable:
    """Word i has the vector `rows[i] * scales[i]` and the weight `weights[i]`.

    `rows` is (n_words, n_dimensions), int8; `scales` and `weights` are (n_words,), float32, above 0.
    """

    def __init__(
        self, words: list[str], rows: NDArray[np.int8], scales: NDArray[np.float32], weights: NDArray[np.float32]
    ) -> None:
        self.words = words
        self.rows = rows
        self.scales = scales
        self.weights = weights
        self._places = {word: place for place, word in enumerate(words)}

    @property
    def n_dimensions(self) -> int:
        return int(self.rows.shape[1])

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The weighted means, (n_texts, n_dimensions); zeros if no word of a text is known."""
        result = np.zeros((len(texts), self.n_dimensions), np.float32)
        for row, text in enumerate(texts):
            places = [place for word in words_of(text) if (place := self._place(word)) is not None]
            if places:
                weights = self.weights[places]
                result[row] = (weights * self.scales[places]) @ self.rows[places].astype(np.float32) / weights.sum()
        return result

    def _place(self, word: str) -> int | None:
        """The index of a word. If it is unknown, it is looked up with е for ё, as most people type it."""
        place = self._places.get(word)
        return self._places.get(word.replace("ё", "е")) if place is None else place

    def save(self, folder: Path) -> None:
        (folder / _WORDS_FILE).write_text("\n".join(self.words), encoding="utf-8", newline="\n")
        save_array(folder, "rows", self.rows)
        save_array(folder, "scales", self.scales)
        save_array(folder, "word_weights", self.weights)

    @classmethod
    def load(cls, files: PartFiles) -> "WordTable":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        words = files.lines(_WORDS_FILE)
        rows = load_array(files, "rows", np.int8, 2)
        if len(rows) != len(words):
            raise damaged(files.folder / _WORDS_FILE, f"it holds {len(words):,} words, rows.npy {len(rows):,}")
        arrays = {name: load_array(files, name, np.float32, 1) for name in ("scales", "word_weights")}
        for name, values in arrays.items():
            if len(values) != len(words):
                raise damaged(files.folder / f"{name}.npy", f"it holds {len(values):,} values, expected {len(words):,}")
            if not (values > 0).all():
                raise damaged(files.folder / f"{name}.npy", "it holds values that are not above 0")
        return cls(words, rows, arrays["scales"], arrays["word_weights"])


class WordVectors:
    """A linear head over the mean of word vectors. The bundle contains the vectors, so serving needs no package."""

    kind = "word_vectors.v1"
    reads: Reading = "written"

    def __init__(self, table: WordTable, head: Head) -> None:
        self.table = table
        self.head = head

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of texts as they were written, (n_texts, n_labels)."""
        return self.head(self.table(texts))

    def save(self, folder: Path) -> None:
        self.table.save(folder)
        self.head.save(folder)

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "WordVectors":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        table = WordTable.load(files)
        return cls(table, Head.load(files, table.n_dimensions, n_labels))
