"""What an encoder is: texts to vectors now, and the same vectors with classes on top in a bundle."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts import Scorer
from firstline.bundle.parts.head import Head


class ServedPart(Scorer, Protocol):
    """A part that can be written into a bundle."""

    kind: str

    def save(self, folder: Path) -> None: ...


class Encoder(Protocol):
    """Frozen sentence vectors of texts as they were written. Nothing is opened before it is needed."""

    name: str
    """As `[encoder] name` has it."""

    @property
    def id(self) -> str:
        """Names the encoder and its weights; vectors are kept under it."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors as the served part computes them, (n_texts, n_dimensions)."""

    def part(self, head: Head, texts: Sequence[str]) -> ServedPart:
        """What serves: the encoder with `head` on top; `texts` tell which words and pieces it must know."""
