"""Fitted TF-IDF in NumPy: blocks of n-grams, each scaled to unit length.

The same weighting as scikit-learn's TfidfVectorizer with `sublinear_tf`: (1 + ln tf) * idf, L2.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged
from firstline.text.ngrams import char_ngrams, word_ngrams
from firstline.text.tokens import CAPITALISED, SHOUTED

Analyzer = Callable[[str, int, int], list[str]]

_ANALYZERS: dict[str, Analyzer] = {"word": word_ngrams, "char": char_ngrams}
_BLOCKS_FILE = "tfidf.json"
_VOCABULARY_FILE = "vocabulary.txt"
_LONGEST_RUN, _MOST_BLOCKS = 20, 10
"""Far more than any candidate uses; each run and block costs time with every message."""
CASE_TOKENS = {SHOUTED, CAPITALISED}
"""A block without case tokens leaves them out where they stand between spaces."""


@dataclass(frozen=True)
class NgramBlock:
    """One kind of n-gram: its analyzer, its shortest and longest length, and whether it sees the tokens for case."""

    analyzer: str
    low: int
    high: int
    case_tokens: bool = True

    def __call__(self, text: str) -> list[str]:
        """The n-grams of a ruled text, with repeats."""
        if not self.case_tokens:
            text = " ".join(word for word in text.split(" ") if word not in CASE_TOKENS)
        return _ANALYZERS[self.analyzer](text, self.low, self.high)


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """A block in `tfidf.json`."""

    analyzer: Literal["word", "char"]
    low: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)]
    high: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)]
    case_tokens: bool
    n_features: Annotated[int, msgspec.Meta(ge=0)]


class Tfidf:
    """Fitted blocks. `vocabularies[b]` lists the n-grams of block b; `idf` runs over all blocks."""

    def __init__(self, blocks: list[NgramBlock], vocabularies: list[list[str]], idf: NDArray[np.float32]) -> None:
        self.blocks = blocks
        self.vocabularies = vocabularies
        self.idf = idf
        self.n_features = len(idf)
        self.places: list[dict[str, int]] = []
        """For each block, the feature of each n-gram."""
        offset = 0
        for vocabulary in vocabularies:
            self.places.append({ngram: place for place, ngram in enumerate(vocabulary, start=offset)})
            offset += len(vocabulary)

    def features(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The non-zero features of a ruled text: indices and values, both (n_nonzero,)."""
        places: list[int] = []
        weights: list[NDArray[np.float32]] = []
        for block, known in zip(self.blocks, self.places, strict=True):
            counts: dict[int, int] = {}
            for ngram in block(text):
                place = known.get(ngram)
                if place is not None:
                    counts[place] = counts.get(place, 0) + 1
            if not counts:
                continue
            found = list(counts)
            weight = (1.0 + np.log(np.fromiter(counts.values(), np.float64, len(found)))) * self.idf[found]
            places += found
            weights.append((weight / np.sqrt(weight @ weight)).astype(np.float32))
        values = np.concatenate(weights) if weights else np.empty(0, np.float32)
        return np.array(places, np.int64), values

    def knows(self, word: str) -> bool:
        """Whether a word of a ruled text is one of the n-grams."""
        return any(
            block.analyzer == "word" and word in places for block, places in zip(self.blocks, self.places, strict=True)
        )

    def save(self, folder: Path) -> None:
        description = [
            {**block.__dict__, "n_features": len(vocabulary)}
            for block, vocabulary in zip(self.blocks, self.vocabularies, strict=True)
        ]
        (folder / _BLOCKS_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")
        ngrams = [ngram for vocabulary in self.vocabularies for ngram in vocabulary]
        (folder / _VOCABULARY_FILE).write_text("\n".join(ngrams), encoding="utf-8", newline="\n")
        save_array(folder, "idf", self.idf)

    @classmethod
    def load(cls, files: PartFiles) -> "Tfidf":
        """Read what `save` wrote. Raises `BundleDamaged`, naming the file."""
        described = files.json(_BLOCKS_FILE, list[_Described])
        if len(described) > _MOST_BLOCKS:
            raise damaged(files.folder / _BLOCKS_FILE, f"it has {len(described):,} blocks, at most {_MOST_BLOCKS}")
        ngrams = files.lines(_VOCABULARY_FILE)
        idf = load_array(files, "idf", np.float32, 1)
        if not len(ngrams) == len(idf) == sum(item.n_features for item in described):
            raise damaged(files.folder / _VOCABULARY_FILE, f"it holds {len(ngrams):,} n-grams, idf.npy {len(idf):,}")
        if not (idf > 0).all():
            raise damaged(files.folder / "idf.npy", "it holds values that are not above 0")
        vocabularies, start = [], 0
        for item in described:
            vocabularies.append(ngrams[start : start + item.n_features])
            start += item.n_features
        blocks = [NgramBlock(item.analyzer, item.low, item.high, item.case_tokens) for item in described]
        return cls(blocks, vocabularies, idf)
