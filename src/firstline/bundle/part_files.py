"""The files of a part: each is read into memory once, and the bytes that were hashed are the bytes that are used."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from firstline.errors import BundleDamaged

T = TypeVar("T")
_REPAIR = "Copy the model again, or train it again: firstline train"


def damaged(path: Path, why: str) -> BundleDamaged:
    """The error for a file of a part."""
    return BundleDamaged(f"{path} is damaged: {why}.", _REPAIR)


class PartFiles:
    """The files in `folder`. `hashes` maps each name in the manifest to its SHA-256, hexadecimal.

    Without `hashes`, any file in the folder is read as it is.
    """

    def __init__(self, folder: Path, hashes: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._hashes = hashes
        self._seen: set[str] = set()

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises `BundleDamaged` if it is missing, unreadable, not in the manifest, or differs from its hash.
        """
        path = self.folder / name
        expected = self._hashes.get(name) if self._hashes is not None else None
        if self._hashes is not None and expected is None:
            raise damaged(path, "the manifest does not name it")
        if not path.is_file():
            raise BundleDamaged(f"{path} is missing.", _REPAIR)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BundleDamaged(f"{path} cannot be read: {error.strerror}.", _REPAIR) from None
        except MemoryError:
            raise BundleDamaged(f"{path} does not fit into memory.", _REPAIR) from None
        if expected is not None and (got := hashlib.sha256(content).hexdigest()) != expected:
            raise damaged(path, f"its hash is {got[:12]}, the manifest says {expected[:12]}")
        self._seen.add(name)
        return content

    def has(self, name: str) -> bool:
        """Whether the manifest names this file."""
        return name in (self._hashes or ())

    def json(self, name: str, kind: type[T]) -> T:
        """What a JSON file holds. Raises `BundleDamaged`."""
        try:
            return msgspec.json.decode(self.read(name), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise damaged(self.folder / name, str(error)) from None

    def lines(self, name: str) -> list[str]:
        """The lines of a text file, in UTF-8 and without an end of line after the last. Raises `BundleDamaged`."""
        try:
            return self.read(name).decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise damaged(self.folder / name, str(error)) from None

    def check_rest(self) -> None:
        """Compare the files that nothing has read yet with their hashes. Raises `BundleDamaged`."""
        for name in self._hashes or ():
            if name not in self._seen:
                self.read(name)


@dataclass(frozen=True)
class PartFile:
    """A file of a part that is read again when its content is needed, so that a loaded part need not hold it."""

    files: PartFiles
    name: str

    def read_bytes(self) -> bytes:
        """Its content. Raises `BundleDamaged` if it has changed."""
        return self.files.read(self.name)


def content_of(graph: bytes | PartFile) -> bytes:
    """The bytes of a graph."""
    return graph if isinstance(graph, bytes) else graph.read_bytes()
