"""The lines that the tokenizer of a language model learns from."""

from collections.abc import Generator, Iterator, Sequence

import numpy as np

from firstline.language_models.corpus import Source, read_lines
from firstline.language_models.tokenizer_training import take_evenly
from firstline.text.rules import TextRules

MOST_LINES = 300_000
MOST_CHARS = 30_000_000
"""Some 60 MB of Russian: enough for 20,000 pieces, and a matter of minutes for SentencePiece."""


def sample_lines(
    sources: Sequence[Source], rules: TextRules, seed: int, most_lines: int = MOST_LINES, most_chars: int = MOST_CHARS
) -> Generator[str, None, list[str]]:
    """Ruled lines, each source at its share and spread over the whole of it; yields the name of each before it is read.

    A source's share is its characters times its weight; one that is too short for its share is taken whole.
    """
    kept: list[list[str]] = []
    weights: list[float] = []
    for source in sources:
        yield source.name
        counted = _Counted(read_lines(source))
        # It keeps half of its bounds at least.
        kept.append(take_evenly(counted, 2 * most_lines, 2 * most_chars, seed))
        weights.append(counted.n_chars * source.weight)
    lines = [
        line
        for part, weight in zip(kept, weights, strict=True)
        for line in _thinned(part, most_lines * weight / sum(weights), most_chars * weight / sum(weights))
    ]
    return [ruled for ruled in map(rules, lines) if ruled]


class _Counted:
    """Lines, and how many characters they had when all have been taken."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.n_chars = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.n_chars += len(line)
            yield line


def _thinned(lines: list[str], most_lines: float, most_chars: float) -> list[str]:
    """So many of them, evenly spread, that about neither bound is passed; one at least."""
    n_chars = sum(map(len, lines))
    share = min(1.0, most_lines / max(len(lines), 1), most_chars / max(n_chars, 1))
    n_kept = min(len(lines), max(1, int(len(lines) * share)))
    return [lines[place] for place in np.linspace(0, len(lines), n_kept, endpoint=False).astype(int)]
