"""The cost of sentence vectors: only of texts that are not kept yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firstline.steps import run_to_end
from firstline.training.costs.base import drawn, timed
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.vectors import missing_of, vectors_of

_N_TEXTS = 32
_BYTES_A_NUMBER = 2


@dataclass(frozen=True)
class VectorsCost:
    """Seconds for all texts that are missing, and the disk that their vectors take; `n_dimensions` of each."""

    seconds: float
    disk_bytes: int
    n_dimensions: int

    @classmethod
    def of(cls, texts: Sequence[str], encoder: Encoder, cache: Path | None, seed: int) -> "VectorsCost":
        """From 32 texts. Opening the encoder is timed apart, since it is opened once."""
        missing = missing_of(texts, encoder.id, cache)
        if not missing:
            return cls(0.0, 0, run_to_end(vectors_of(texts[:1], encoder, cache)).shape[1])
        sample = [missing[place] for place in drawn(missing, _N_TEXTS, seed)]
        opening_s, vectors = timed(lambda: run_to_end(vectors_of(sample[:1], encoder, None)))
        sample_s = timed(lambda: run_to_end(vectors_of(sample, encoder, None)))[0]
        text_s = max(0.0, sample_s - opening_s) / max(1, len(sample) - 1)
        n_dimensions = int(vectors.shape[1])
        return cls(opening_s + text_s * (len(missing) - 1), _BYTES_A_NUMBER * n_dimensions * len(missing), n_dimensions)
