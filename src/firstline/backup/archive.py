"""The format of a backup: a tar of regular files, plain or in gzip. The first, `backup.json`, names all others.

`backup.json` has the hashes of what comes after it, so blanks take its place until they are known. In gzip it is a
member of its own that is not compressed, because its size must not change.
"""

import gzip
import tarfile
from typing import Annotated

import msgspec
from msgspec import Meta

from firstline.bundle.registry import CHAMPION
from firstline.settings import FILE_NAME as SETTINGS
from firstline.store.key import FILE_NAME as KEY
from firstline.store.workspace import DATABASE_FILE

CARD = "backup.json"
FORMAT_VERSION = 1
BLOCK_BYTES = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK_BYTES)
API_KEYS = "keys.json"
TOP_FILES = (SETTINGS, KEY, API_KEYS, ".gitignore")
FOLDERS = ("models", "runs", "notebooks")
CHAMPION_NAME = f"models/{CHAMPION}"
_NAMES = frozenset((*TOP_FILES, DATABASE_FILE))
_LONGEST_NAME_BYTES = 255
_ENTRY_BYTES = 128
"""More than an entry of `backup.json` takes without its name: a hash of 64 characters, a size, two keys, quotes."""
_CARD_BYTES = 4_096
_MOST_USTAR_BYTES = 8**11 - 1


class Entry(msgspec.Struct, frozen=True):
    """One file of a backup; `sha256` is hexadecimal."""

    size_bytes: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class BackupCard(msgspec.Struct, frozen=True):
    """`backup.json`: what made the backup, when (UTC, ISO 8601), and each file by its path in the workspace.

    `firstline` is a version. `schema` is that of the database, empty if the workspace has none.
    """

    firstline: Annotated[str, Meta(pattern=r"\A[\w.+-]{1,40}\Z")]
    created_at: Annotated[str, Meta(pattern=r"\A[\dTZ:.+-]{1,40}\Z")]
    files: dict[str, Entry]
    schema: str = ""
    format_version: int = FORMAT_VERSION

    @property
    def size_bytes(self) -> int:
        return sum(entry.size_bytes for entry in self.files.values())

    @property
    def models(self) -> tuple[str, ...]:
        """The ids of its models."""
        return self._folders("models", "manifest.json")

    @property
    def n_runs(self) -> int:
        return len(self._folders("runs", "run.json"))

    def _folders(self, parent: str, file: str) -> tuple[str, ...]:
        parts = [name.split("/") for name in self.files]
        return tuple(one[1] for one in parts if len(one) == 3 and (one[0], one[2]) == (parent, file))


def is_member(name: str) -> bool:
    """Whether a backup may hold this path: a file that belongs to a workspace, and lies inside its folder."""
    folder, *inside = name.split("/")
    if len(name.encode(errors="replace")) > _LONGEST_NAME_BYTES:
        return False
    return name in _NAMES or (folder in FOLDERS and bool(inside) and all(map(_is_plain, inside)))


def _is_plain(part: str) -> bool:
    return part.isprintable() and part[:1] not in ("", ".") and not {"\\", ":"} & set(part)


def header(name: str, size_bytes: int, mode: int, modified_at: float) -> bytes:
    """The block before a file's content. Raises `ValueError` if the name is too long."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size_bytes, mode, int(modified_at)
    if size_bytes > _MOST_USTAR_BYTES:
        return info.tobuf(tarfile.GNU_FORMAT, "utf-8")
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8")


def padding(size_bytes: int) -> bytes:
    """The zeros after a file's content, up to the next block."""
    return bytes(-size_bytes % BLOCK_BYTES)


def room_for(names: list[str]) -> int:
    """Bytes that suffice for `backup.json` with these files."""
    needed = _CARD_BYTES + sum(len(msgspec.json.encode(name)) + _ENTRY_BYTES for name in names)
    return needed + len(padding(needed))


def card_blocks(card: BackupCard | None, room_bytes: int, created_at: float, is_gzip: bool) -> bytes:
    """The beginning of the archive: `backup.json`, filled up with blanks. It has the same size for every card."""
    content = msgspec.json.encode(card) if card else b""
    blocks = header(CARD, room_bytes, 0o600, created_at) + content.ljust(room_bytes - 1) + b"\n"
    return gzip.compress(blocks, compresslevel=0, mtime=0) if is_gzip else blocks
