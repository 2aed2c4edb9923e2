"""Fitted TF-IDF in NumPy: blocks of n-grams, each scaled to unit length.

The same weighting as scikit-learn's TfidfVectorizer with `sublinear_tf`: (1 + ln tf) * idf, L2.
"""

import json
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged
from firstline.text.ngrams import char_ngrams, ngrams_of_token, runs_of, word_ngrams, words
from firstline.text.tokens import CAPITALISED, SHOUTED

Analyzer = Callable[[str, int, int], list[str]]

_ANALYZERS: dict[str, Analyzer] = {"word": word_ngrams, "char": char_ngrams}
_BLOCKS_FILE = "tfidf.json"
_VOCABULARY_FILE = "vocabulary.txt"
_LONGEST_RUN, _MOST_BLOCKS = 20, 10
"""Far more than any candidate uses; each run and block costs time with every message."""
CASE_TOKENS = {SHOUTED, CAPITALISED}
"""A block without case tokens leaves them out where they stand between spaces."""
_MOST_REMEMBERED, _LONGEST_REMEMBERED = 6_000, 32
"""Words whose character n-grams are remembered, and their characters. They take about 2 MB, at most 5."""
_NO_PLACES = np.empty(0, np.int64)
Find = Callable[[Sequence[str]], NDArray[np.int64]]


@dataclass(frozen=True)
class NgramBlock:
    """One kind of n-gram: its analyzer, its shortest and longest length, and whether it sees the tokens for case."""

    analyzer: str
    low: int
    high: int
    case_tokens: bool = True

    def __call__(self, text: str) -> list[str]:
        """The n-grams of a ruled text, with repeats."""
        return _ANALYZERS[self.analyzer](self.seen(text), self.low, self.high)

    def seen(self, text: str) -> str:
        """What the block reads of a ruled text."""
        if self.case_tokens:
            return text
        return " ".join(word for word in text.split(" ") if word not in CASE_TOKENS)

    def finder(self, places: dict[str, int]) -> Find:
        """From the tokens of a text to the places of its n-grams, with repeats; n-grams without a place are left out.

        `finder(places)(words(seen(text)))` is `places` of each n-gram of `block(text)`, in their order. It remembers
        the n-grams of words, since people use the same ones again. Thread-safe.
        """
        if self.analyzer == "word":
            return lambda tokens: np.array(_known(places, runs_of(tokens, self.low, self.high)), np.int64)
        find = partial(_packed, places, self.low, self.high)
        remembered = lru_cache(_MOST_REMEMBERED)(find)

        def found(tokens: Sequence[str]) -> NDArray[np.int64]:
            packed = [remembered(token) if len(token) <= _LONGEST_REMEMBERED else find(token) for token in tokens]
            return np.frombuffer(b"".join(packed), np.int32).astype(np.int64)

        return found


def _known(places: dict[str, int], ngrams: Sequence[str]) -> list[int]:
    return [place for place in map(places.get, ngrams) if place is not None]


def _packed(places: dict[str, int], low: int, high: int, token: str) -> bytes:
    """The places of the n-grams of a token in 4 bytes each: less memory than numbers of Python."""
    return array("i", _known(places, ngrams_of_token(token, low, high))).tobytes()


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """A block in `tfidf.json`."""

    analyzer: Literal["word", "char"]
    low: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)]
    high: Annotated[int, msgspec.Meta(ge=1, le=_LONGEST_RUN)]
    case_tokens: bool
    n_features: Annotated[int, msgspec.Meta(ge=0)]


class Tfidf:
    """Fitted blocks. `vocabularies[b]` lists the n-grams of block b; `idf` runs over all blocks. Thread-safe."""

    def __init__(self, blocks: list[NgramBlock], vocabularies: list[list[str]], idf: NDArray[np.float32]) -> None:
        self.blocks = blocks
        self.idf = idf
        self.n_features = len(idf)
        self.places: list[dict[str, int]] = []
        """For each block, the feature of each n-gram."""
        offset = 0
        for vocabulary in vocabularies:
            self.places.append({ngram: place for place, ngram in enumerate(vocabulary, start=offset)})
            offset += len(vocabulary)
        self._finders = [block.finder(known) for block, known in zip(blocks, self.places, strict=True)]
        self._words = [known for block, known in zip(blocks, self.places, strict=True) if block.analyzer == "word"]

    @property
    def vocabularies(self) -> list[list[str]]:
        """The n-grams of each block, in the order of their features."""
        return [list(places) for places in self.places]

    def features(self, text: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The non-zero features of a ruled text: indices and values, both (n_nonzero,)."""
        tokens = words(text)
        runs = [
            find(tokens if block.case_tokens else words(block.seen(text)))
            for block, find in zip(self.blocks, self._finders, strict=True)
        ]
        places = np.concatenate([_NO_PLACES, *runs])
        order = np.arange(len(places))
        # Where each place stands first: of several values for one index, the last stays.
        first = np.empty(self.n_features, np.int64)
        first[places[::-1]] = order[::-1]
        stands = first[places]
        is_first = stands == order
        counts, found = np.bincount(stands, minlength=len(places))[is_first], places[is_first]
        weights = (1.0 + np.log(counts)) * self.idf[found]
        start, n_read = 0, 0
        for run in runs:
            n_features = int(np.count_nonzero(is_first[n_read : n_read + len(run)]))
            of_block = weights[start : start + n_features]
            of_block /= np.sqrt(of_block @ of_block)
            start, n_read = start + n_features, n_read + len(run)
        return found, weights.astype(np.float32)

    def knows(self, word: str) -> bool:
        """Whether a word of a ruled text is one of the n-grams."""
        return any(word in known for known in self._words)

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
