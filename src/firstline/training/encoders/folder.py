"""An encoder in a sentence-transformers folder on this machine."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.bundle.parts.transformer import Transformer
from firstline.errors import EncoderUnusable
from firstline.training.encoders.network import Network, network_of
from firstline.training.encoders.opening import open_folder, require_folder

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_NETWORK_VERSION = "int8-1"


class FolderEncoder:
    """Exported once to int8 and kept in `cache`, so that training reads by the network that serves."""

    def __init__(self, name: str, folder: Path, cache: Path | None) -> None:
        require_folder(folder)
        self.name = name
        self.folder = folder
        self.cache = cache

    @cached_property
    def id(self) -> str:
        """Changes with any file of the folder, also behind links."""
        digest = hashlib.sha256()
        try:
            for path in _files_in(self.folder):
                with path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").digest()
                digest.update(path.relative_to(self.folder).as_posix().encode() + b"\x00" + content)
        except OSError as error:
            raise EncoderUnusable(
                f"The encoder in {self.folder} cannot be read: {error.strerror}.", "Check the folder's permissions."
            ) from None
        return f"{self.folder.name}-{digest.hexdigest()[:8]}-{_NETWORK_VERSION}"

    def open(self) -> "SentenceTransformer":
        """The model itself, for fine-tuning. Raises what `open_folder` raises."""
        return open_folder(self.folder)

    @cached_property
    def network(self) -> Network:
        """The exported network: the kept one, or one that is made now."""
        place = self.cache / self.id if self.cache else None
        found = Network.kept(place) if place else None
        if found is None:
            found = network_of(self.open())
            if place:
                found.save(place)
        return found

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n_texts, n_dimensions)."""
        return self.network.encode(texts)

    def part(self, head: Head, texts: Sequence[str]) -> Transformer:
        """Everything in one graph."""
        return self.network.part(head, texts)


def _files_in(folder: Path) -> list[Path]:
    """In a fixed order, those that a link leads to as well."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
