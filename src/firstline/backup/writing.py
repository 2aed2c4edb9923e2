"""Writes a backup: one file with mode 600, there whole or not at all."""

import errno
import gzip
import hashlib
import io
import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from firstline import __version__
from firstline.backup.archive import (
    CHAMPION_NAME,
    END,
    BackupCard,
    Entry,
    card_blocks,
    header,
    padding,
    room_for,
)
from firstline.backup.contents import Contents, Group, contents
from firstline.backup.snapshot import Snapshot, take_snapshot
from firstline.bundle.registry import champion_content
from firstline.errors import FileUnreadable, FileUnwritable, UsageError, WorkspaceBusy
from firstline.files import refuse_other_kinds, sync, sync_folder
from firstline.store.private import make_private, temporary_folder
from firstline.store.workspace import DATABASE_FILE, Workspace

_ENDINGS = (".tar", ".tar.gz")
_ROOM = ".firstline-tmp"
_N_TRIES = 5
_PART_BYTES = 1 << 20
_COMPRESSION = 6


@dataclass(frozen=True)
class Written:
    """A backup that was written. `warnings` are sentences about what in the workspace is not as it should be."""

    card: BackupCard
    size_bytes: int
    champion: str | None
    n_messages: int
    warnings: list[str]


def write_backup(place: Workspace, file: Path, *, may_overwrite: bool = False) -> Written:
    """Write a backup of the workspace to `file`, whose ending, .tar or .tar.gz, says whether it is compressed.

    Raises `UsageError` for another ending or a file that exists, `FileUnwritable`, `FileUnreadable`, `StoreUnusable`,
    and `WorkspaceBusy` if the champion changes again and again. Then nothing is left of it.
    """
    if not file.name.endswith(_ENDINGS):
        raise UsageError(f"{file} ends neither in .tar nor in .tar.gz.", f"For example: {file.stem or 'backup'}.tar.gz")
    if not file.parent.is_dir():
        raise FileUnwritable(f"The folder {file.parent} does not exist.", "Create it, or name another one.")
    if file.exists() and not may_overwrite:
        raise UsageError(f"{file} already exists.", "Name another file, or add --overwrite.")
    room = file.parent / _ROOM
    try:
        refuse_other_kinds(file)
        with temporary_folder(room) as folder:
            written = _write_consistently(place, folder / "archive", file.name.endswith(".gz"))
            sync(folder / "archive")
            if file.exists() and not may_overwrite:
                raise UsageError(f"{file} exists by now.", "Name another file, or add --overwrite.")
            (folder / "archive").replace(file)
        sync_folder(file.parent)
    except OSError as error:
        needed = f"It needs about {_needed_bytes(place) / 1e6:,.0f} MB there." if error.errno == errno.ENOSPC else ""
        raise FileUnwritable(
            f"The backup cannot be written to {file}: {error.strerror or error}.",
            f"{needed} Check the folder, its permissions and the free space.".strip(),
        ) from None
    finally:
        _remove_room(room)
    return written


def _write_consistently(place: Workspace, archive: Path, is_gzip: bool) -> Written:
    for _ in range(_N_TRIES):
        with suppress(_ChampionGone):
            return _Writing(place, archive, is_gzip).write()
        time.sleep(0.1)
    raise WorkspaceBusy(
        f"The champion of {place.folder} changes again and again.", "Wait until that has ended, then run this again."
    )


def _remove_room(room: Path) -> None:
    """Remove the folder for unfinished archives, unless another backup uses it."""
    with suppress(OSError):
        if all(path.name == ".lock" for path in room.iterdir()):
            (room / ".lock").unlink(missing_ok=True)
            room.rmdir()


def _needed_bytes(place: Workspace) -> int:
    """The space for the archive and for a copy of the database, at most; without the database of a server."""
    paths = [path for group in contents(place).groups for path in group.files.values()]
    sizes = [path.stat().st_size for path in paths if path.exists()]
    database = place.folder / DATABASE_FILE
    return sum(sizes) + (2 * database.stat().st_size if database.exists() else 0)


class _ChampionGone(Exception):
    """The champion was replaced and deleted while the backup was written: it starts again."""


class _Writing:
    """One try to write the archive. It closes the file at the end of `write`."""

    def __init__(self, place: Workspace, archive: Path, is_gzip: bool) -> None:
        self._place = place
        self._archive = archive
        self._is_gzip = is_gzip
        self._found: Contents = contents(place)
        self._began = time.time()
        self._entries: dict[str, Entry] = {}

    def write(self) -> Written:
        """Raises `_ChampionGone`, `OSError`, `FileUnreadable` and `StoreUnusable`."""
        room_bytes = room_for([*self._found.names, DATABASE_FILE])
        make_private(self._archive)
        with self._archive.open("r+b") as raw:
            raw.truncate()
            raw.write(card_blocks(None, room_bytes, self._began, self._is_gzip))
            with ExitStack() as stack:
                out: BinaryIO = raw
                if self._is_gzip:
                    packed = gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0)
                    out = stack.enter_context(packed)  # type: ignore[assignment]
                for group in self._found.groups:
                    self._add_group(out, group)
                self._add_champion(out)
                snapshot = self._add_database(out)
                out.write(END)
            created_at = datetime.fromtimestamp(self._began, UTC).isoformat(timespec="seconds")
            card = BackupCard(__version__, created_at, self._entries, snapshot.schema)
            raw.seek(0)
            raw.write(card_blocks(card, room_bytes, self._began, self._is_gzip))
            size_bytes = raw.seek(0, io.SEEK_END)
        warnings = [*self._found.warnings, *self._damaged(card)]
        return Written(card, size_bytes, self._found.champion, snapshot.n_messages, warnings)

    def _add_group(self, out: BinaryIO, group: Group) -> None:
        """All files are opened before the first is written: those of a bundle stay readable while it is deleted."""
        with ExitStack() as stack:
            opened = {}
            for name, path in group.files.items():
                try:
                    opened[name] = stack.enter_context(path.open("rb"))
                except FileNotFoundError:
                    if group.bundle and group.bundle == self._found.champion:
                        raise _ChampionGone from None
                    if group.bundle:
                        return
                except OSError as error:
                    raise FileUnreadable(
                        f"{path} cannot be read: {error.strerror}.",
                        "Run this as the user who owns the workspace.",
                    ) from None
            for name, source in opened.items():
                self._add(out, name, source)

    def _add_champion(self, out: BinaryIO) -> None:
        """As it was read first: the champion of now may not be among the models that were listed."""
        if self._found.champion is not None:
            content = champion_content(self._found.champion)
            self._put(out, CHAMPION_NAME, io.BytesIO(content), len(content), 0o644, self._began)

    def _add_database(self, out: BinaryIO) -> Snapshot:
        if not self._place.has_database:
            return Snapshot("", 0)
        copy = self._archive.with_name(DATABASE_FILE)
        copy.unlink(missing_ok=True)
        make_private(copy)
        snapshot = take_snapshot(self._place, copy)
        with copy.open("rb") as opened:
            self._add(out, DATABASE_FILE, opened)
        copy.unlink()
        return snapshot

    def _add(self, out: BinaryIO, name: str, source: BinaryIO) -> None:
        status = os.fstat(source.fileno())
        self._put(out, name, source, status.st_size, status.st_mode & 0o777, status.st_mtime)

    def _put(self, out: BinaryIO, name: str, source: BinaryIO, size_bytes: int, mode: int, modified_at: float) -> None:
        out.write(header(name, size_bytes, mode, modified_at))
        digest = hashlib.sha256()
        left = size_bytes
        while left:
            part = source.read(min(left, _PART_BYTES))
            if not part:
                raise FileUnreadable(f"{name} became shorter while it was read.", "Run the backup again.")
            digest.update(part)
            out.write(part)
            left -= len(part)
        out.write(padding(size_bytes))
        self._entries[name] = Entry(size_bytes, digest.hexdigest())

    def _damaged(self, card: BackupCard) -> list[str]:
        """Models whose files are not what their manifests say."""
        differ = {
            name.split("/")[1]
            for name, sha256 in self._found.hashes.items()
            if name.split("/")[1] in card.models and (name not in card.files or card.files[name].sha256 != sha256)
        }
        return [f"The model {one} is damaged, in the workspace and in the backup." for one in sorted(differ)]
