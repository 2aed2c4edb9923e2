"""Batches of training tokens out of several encoded sources."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from firstline.errors import CorpusUnusable
from firstline.language_models.encoding import EVERY_NTH_IS_VALIDATION, EncodedSource

_SLOTS = 1 << 16
"""Rows after which the mix of sources repeats; the least share that a source can have is one of them."""
_COUNTED_AT_A_TIME = 10_000_000


class Mix:
    """Endless batches of training tokens out of several sources, each at its share.

    The rows of all chunks are one sequence. Its slots go to the sources as parliaments give seats
    (Webster's method): after any number of rows each has nearly its share, no simulation needed. A
    source hands out segments of `row_tokens` tokens, in another order in every pass over it.
    """

    def __init__(self, sources: Sequence[EncodedSource], seed: int, n_rows: int = 64, row_tokens: int = 3200) -> None:
        self.sources = tuple(sources)
        self.seed = seed
        self.n_rows = n_rows
        self.row_tokens = row_tokens
        self._slot_source, self._slot_turn, self._turns = _slots(self.sources)
        self._passes: dict[int, tuple[int, NDArray[np.int64]]] = {}

    def chunk(self, number: int) -> NDArray[np.int32]:
        """Token ids, (n_rows, row_tokens); a function of `seed` and `number` alone, so training resumes exactly."""
        rows = np.empty((self.n_rows, self.row_tokens), np.int32)
        for place in range(self.n_rows):
            period, slot = divmod(number * self.n_rows + place, len(self._slot_source))
            source = int(self._slot_source[slot])
            rows[place] = self._segment(source, period * int(self._turns[source]) + int(self._slot_turn[slot]))
        return rows

    def validation(self, n_tokens: int) -> tuple[NDArray[np.int32], int]:
        """Held-out token ids, (at least one row, row_tokens), and the characters of ruled text they stand for.

        At most `n_tokens` (but one row), evenly from all that is held out, whatever the weights; the
        characters are those of all, in proportion. Raises `CorpusUnusable` if nothing is held out.
        """
        held_out = [source.validation for source in self.sources]
        tokens = np.concatenate([np.fromfile(part.path, dtype="<u2") for part in held_out])
        if not len(tokens):
            raise CorpusUnusable(
                f"No text is held out for validation: no source has {EVERY_NTH_IS_VALIDATION} paragraphs.",
                "Add text, a paragraph a line, and name another folder.",
            )
        n_rows = max(min(n_tokens, len(tokens)) // self.row_tokens, 1)
        starts = np.linspace(0, max(len(tokens) - self.row_tokens, 0), n_rows).astype(np.int64)
        rows = np.stack([np.resize(tokens[start : start + self.row_tokens], self.row_tokens) for start in starts])
        n_chars = sum(part.n_chars for part in held_out) * rows.size / len(tokens)
        return rows.astype(np.int32), round(n_chars)

    def frequencies(self, n_tokens: int) -> NDArray[np.float64]:
        """How often each token comes in what is trained on, (n_tokens,), summing to 1; ids are below `n_tokens`."""
        counts: NDArray[np.float64] = np.zeros(n_tokens)
        for source in self.sources:
            for start in range(0, source.training.n_tokens, _COUNTED_AT_A_TIME):
                ids = np.fromfile(source.training.path, "<u2", _COUNTED_AT_A_TIME, offset=2 * start)
                counts += source.weight * np.bincount(ids, minlength=n_tokens)
        counts /= counts.sum()
        return counts

    def _segment(self, source: int, turn: int) -> NDArray[np.uint16]:
        """The tokens that a source hands out at its turn, counted from 0, (row_tokens,)."""
        tokens = self.sources[source].training
        n_segments = max(tokens.n_tokens // self.row_tokens, 1)
        number, place = divmod(turn, n_segments)
        start = int(self._starts(source, number, n_segments)[place])
        # Read, not mapped: on some machines a page fault takes longer than the whole segment.
        return np.resize(np.fromfile(tokens.path, "<u2", self.row_tokens, offset=2 * start), self.row_tokens)

    def _starts(self, source: int, number: int, n_segments: int) -> NDArray[np.int64]:
        """Where the segments of a pass start, in the order of the pass, (n_segments,); kept until the next pass."""
        if source not in self._passes or self._passes[source][0] != number:
            # Named by its name: a source keeps its order when others are added.
            random = np.random.default_rng([self.seed, zlib.crc32(self.sources[source].name.encode()), number])
            n_left = max(self.sources[source].training.n_tokens - n_segments * self.row_tokens, 0)
            first = random.integers(0, n_left + 1)  # so that the end of a source is read as well
            self._passes[source] = (number, first + random.permutation(n_segments) * self.row_tokens)
        return self._passes[source][1]


def _slots(sources: Sequence[EncodedSource]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """One period of the mix: the source of each slot, which of that source's turns it is, and each source's turns.

    The j-th of n turns stands (j + 1/2) / n into the period, so the turns of all are spread alike.
    """
    sizes = np.array([source.training.n_tokens * source.weight for source in sources])
    turns = np.maximum(np.round(_SLOTS * sizes / sizes.sum()), 1).astype(np.int64)
    source = np.repeat(np.arange(len(sources)), turns)
    turn = np.concatenate([np.arange(n) for n in turns])
    order = np.argsort((turn + 0.5) / turns[source], kind="stable")
    return source[order], turn[order], turns
