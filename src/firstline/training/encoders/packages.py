"""Encoders that serving, too, runs from an installed package."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.bundle.parts.package_encoder import PACKAGES, Encode, PackageEncoder


class PackagedEncoder:
    """One of `bundle.parts.package_encoder.PACKAGES`, which is installed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = PACKAGES[name].installed_version() or "unknown"

    @property
    def id(self) -> str:
        return f"{self.name}-{self.version}"

    @cached_property
    def _encode(self) -> Encode:
        return PACKAGES[self.name].open()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors, (n_texts, n_dimensions)."""
        return self._encode(texts)

    def part(self, head: Head, texts: Sequence[str]) -> PackageEncoder:
        """The package does the reading; whatever the texts, it knows all its words."""
        return PackageEncoder(self.name, self.version, self._encode, head)
