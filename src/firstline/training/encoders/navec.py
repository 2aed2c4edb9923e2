"""natasha's navec: vectors of 250,000 Russian words, learned from news (GloVe, product-quantised)."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.bundle.parts.word_vectors import WordTable, WordVectors, words_of
from firstline.errors import EncoderUnusable, install_hint

if TYPE_CHECKING:
    from navec import Navec

_FILES = "data/emb/navec_*.tar"
_SMOOTHING = 1e-4
_N_FREQUENT = 50_000
_GREATEST = 127


class NavecEncoder:
    """The mean of a message's word vectors, rare words first: a word of share p counts a / (a + p).

    The weighting is that of smooth inverse frequency (Arora et al. 2017), without its removal of a
    common component; a = 1e-4, see docs/EXPERIMENTS.md.
    """

    name = "navec"

    @cached_property
    def id(self) -> str:
        return f"navec-{version('natasha')}"

    @cached_property
    def _navec(self) -> "Navec":
        from navec import Navec

        return Navec.load(str(_weights_file()))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n_texts, n_dimensions); zeros where no word is known."""
        return self._table(self._known(texts))(texts)

    def part(self, head: Head, texts: Sequence[str]) -> WordVectors:
        """The words of the texts and the 50,000 most frequent ones go into the bundle."""
        counts = np.asarray(self._navec.vocab.counts)
        frequent = np.argsort(-counts.astype(np.int64), kind="stable")[:_N_FREQUENT]
        return WordVectors(self._table({*self._known(texts), *frequent.tolist()}), head)

    def _known(self, texts: Sequence[str]) -> set[int]:
        ids = self._navec.vocab.word_ids
        words = {word for text in texts for word in words_of(text)}
        return {ids[word] for spelled in words for word in (spelled, spelled.replace("ё", "е")) if word in ids}

    def _table(self, ids: Iterable[int]) -> WordTable:
        places = np.array(sorted(ids), np.int64)
        vocab, vectors = self._navec.vocab, self._navec.pq.sampled(places).unpack().reshape(-1, self._navec.pq.dim)
        scales = np.maximum(np.abs(vectors).max(axis=1, initial=0), 1e-9) / _GREATEST
        rows = np.rint(vectors / scales[:, np.newaxis]).astype(np.int8)
        counts = np.asarray(vocab.counts, np.float64)
        weights = _SMOOTHING / (_SMOOTHING + counts[places] / counts.sum())
        words = [vocab.words[place] for place in places]
        return WordTable(words, rows, scales.astype(np.float32), weights.astype(np.float32))


def _weights_file() -> Path:
    """The file in the package natasha; it is found without importing natasha, which is slow."""
    found = find_spec("natasha")
    for place in (found.submodule_search_locations if found else None) or ():
        for file in sorted(Path(place).glob(_FILES)):
            return file
    raise EncoderUnusable("The package natasha holds no word vectors.", install_hint("'firstline[encoders]'"))
