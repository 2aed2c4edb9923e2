"""Reads a backup, which may be damaged or made to do harm: nothing in it is believed before it is checked.

Only regular files that `backup.json` names are read, at their sizes, to paths inside the folder. Tar's other kinds of
members (folders, links, devices, long names) are refused, so no header can ask for memory or name another place.
"""

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from firstline import __version__
from firstline.backup.archive import BLOCK_BYTES, CARD, FORMAT_VERSION, BackupCard, Entry, is_member, padding
from firstline.errors import BackupUnusable, FileUnreadable, FileUnwritable
from firstline.settings import FILE_NAME as SETTINGS
from firstline.store.database import SCHEMA_VERSION

_GZIP = b"\x1f\x8b"
_MOST_CARD_BYTES = 64_000_000
_PART_BYTES = 1 << 20
_PRIVATE, _SHARED = 0o600, 0o666
_OTHERS = 0o077
_AGAIN = "Use another backup, or copy this one again: it is not the file that was written."


@dataclass
class OpenBackup:
    """A backup whose card was read and checked. `check` or `unpack` reads the rest, once."""

    file: Path
    card: BackupCard
    _stream: "_Stream"

    def check(self) -> None:
        """Compare every file with its hash. Raises `BackupUnusable`."""
        for _, entry in self._members():
            self._compare(entry, None)

    def unpack(self, folder: Path) -> None:
        """Write every file below `folder`, which is empty, and compare it with its hash.

        A file that only its owner may read gets mode 600. Raises `BackupUnusable`, and `FileUnwritable`.
        """
        free_bytes = shutil.disk_usage(folder).free
        if self.card.size_bytes > free_bytes:
            raise FileUnwritable(
                f"{self.file} takes {self.card.size_bytes / 1e6:,.0f} MB, but {folder.parent.parent} has"
                f" {free_bytes / 1e6:,.0f} MB left.",
                "Free some space, or name a folder on another disk.",
            )
        for info, entry in self._members():
            path = folder / info.name
            path.parent.mkdir(parents=True, exist_ok=True)
            mode = _SHARED if info.mode & _OTHERS else _PRIVATE
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
                self._compare(entry, opened)
                opened.flush()
                os.fsync(opened.fileno())

    def _members(self) -> Iterator[tuple[tarfile.TarInfo, Entry]]:
        """Each file that comes next. The caller reads its content in between."""
        missing = dict(self.card.files)
        while (info := self._stream.next_header()) is not None:
            entry = missing.pop(info.name, None)
            if entry is None or info.size != entry.size_bytes:
                raise self._stream.unusable("it holds a file that its backup.json does not name, or one twice")
            yield info, entry
        if missing:
            raise self._stream.unusable(f"it ends too early: {len(missing):,} files are missing")

    def _compare(self, entry: Entry, target: BinaryIO | None) -> None:
        digest = hashlib.sha256()
        left = entry.size_bytes
        while left:
            part = self._stream.read(min(left, _PART_BYTES))
            digest.update(part)
            if target is not None:
                target.write(part)
            left -= len(part)
        self._stream.read(len(padding(entry.size_bytes)))
        if digest.hexdigest() != entry.sha256:
            raise self._stream.unusable("a file in it has another hash than its backup.json says")


@contextmanager
def open_backup(file: Path) -> Iterator[OpenBackup]:
    """A backup, open at its first file.

    Raises `FileUnreadable`, and `BackupUnusable` if it is no backup, damaged, or of a later version.
    """
    try:
        raw = file.open("rb")
    except OSError as error:
        raise FileUnreadable(f"{file} cannot be read: {error.strerror}.", "Check the path.") from None
    with raw:
        try:
            is_gzip = raw.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
        except OSError as error:
            raise FileUnreadable(f"{file} cannot be read: {error.strerror}.", "Check the file.") from None
        stream = _Stream(file, gzip.GzipFile(fileobj=raw) if is_gzip else raw)  # type: ignore[arg-type]
        yield OpenBackup(file, _read_card(stream), stream)


class _Stream:
    """The bytes of an archive, unpacked. All reading raises `BackupUnusable`."""

    def __init__(self, file: Path, source: BinaryIO) -> None:
        self.file = file
        self._source = source

    def unusable(self, why: str) -> BackupUnusable:
        return BackupUnusable(f"{self.file} cannot be restored: {why}.", _AGAIN)

    def read(self, size_bytes: int) -> bytes:
        """Exactly so many bytes."""
        try:
            content = self._source.read(size_bytes)
        except (OSError, EOFError, zlib.error):
            raise self.unusable("it is damaged, or part of it is missing") from None
        if len(content) != size_bytes:
            raise self.unusable("part of it is missing")
        return content

    def next_header(self) -> tarfile.TarInfo | None:
        """The next file; None at the end."""
        block = self.read(BLOCK_BYTES)
        if not any(block):
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.TarError, UnicodeDecodeError):
            raise self.unusable("it is damaged, or not a backup") from None
        if not info.isreg() or info.size < 0:
            raise self.unusable("it holds a link, a folder or something else that is not a plain file")
        return info


def _read_card(stream: _Stream) -> BackupCard:
    try:
        info = stream.next_header()
    except BackupUnusable:
        info = None
    if info is None or info.name != CARD or info.size > _MOST_CARD_BYTES:
        raise BackupUnusable(f"{stream.file} is not a backup of Firstline.", "Backups are made by: firstline backup")
    content = stream.read(info.size)
    stream.read(len(padding(info.size)))
    try:
        version = msgspec.json.decode(content, type=dict[str, msgspec.Raw]).get("format_version", msgspec.Raw(b"0"))
        if (found := msgspec.json.decode(version, type=int)) != FORMAT_VERSION:
            raise _newer(stream, "format", str(found), str(FORMAT_VERSION))
        card = msgspec.json.decode(content, type=BackupCard)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise stream.unusable("its backup.json is damaged") from None
    if card.schema > SCHEMA_VERSION:
        raise _newer(stream, "schema", card.schema, SCHEMA_VERSION)
    for name in card.files:
        if not is_member(name):
            raise stream.unusable(f"it holds a file that does not belong to a workspace: {name[:80]!r}")
    if SETTINGS not in card.files:
        raise stream.unusable(f"it has no {SETTINGS}")
    return card


def _newer(stream: _Stream, what: str, found: str, known: str) -> BackupUnusable:
    return BackupUnusable(
        f"{stream.file} has {what} version {found}; this Firstline, {__version__}, knows {known}.",
        "Restore it with the version that wrote it, or a later one.",
    )
