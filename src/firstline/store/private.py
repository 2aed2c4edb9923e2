"""Files that only their owner may read, because they contain messages or predictions."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree

from filelock import BaseFileLock, FileLock, Timeout

_FILE_MODE = 0o600
_FOLDER_MODE = 0o700
_PREFIX = "firstline-"


def make_private(path: Path) -> None:
    """Create an empty file with mode 600, or set the mode of an existing one. A device or pipe stays as it is.

    Raises `OSError`.
    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, _FILE_MODE))
    restrict(path)


def restrict(path: Path) -> None:
    """Remove the permissions of other users on a file. Another user's file stays as it is."""
    with suppress(FileNotFoundError, PermissionError):
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) and mode & 0o077:
            path.chmod(_FILE_MODE)


def write_private(path: Path, text: str) -> None:
    """Write a text into a file with mode 600. Raises `OSError`."""
    make_private(path)
    path.write_text(text, encoding="utf-8")


def give_owner_of(path: Path, replacement: Path) -> None:
    """Give a file or folder the owner of another one, if this process may: what root replaces stays the service's."""
    if hasattr(os, "chown"):
        owner = path.stat()
        with suppress(PermissionError):
            os.chown(replacement, owner.st_uid, owner.st_gid)


@contextmanager
def temporary_folder(room: Path) -> Iterator[Path]:
    """A new folder in `room` that is deleted at the end. `room` is created if it does not exist.

    Folders that killed processes left there are deleted too. Messages never go to the system's temporary folder, which
    other users may read and nobody cleans up. Raises `OSError`.
    """
    room.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    folder = room / f"{_PREFIX}{token_hex(8)}"
    lock = FileLock(_lock_of(folder), mode=_FILE_MODE)
    with _held(room):
        _remove_abandoned(room)
        lock.acquire()
        folder.mkdir(mode=_FOLDER_MODE)
    try:
        yield folder
    finally:
        _remove(folder)
        lock.release()


def remove_abandoned(room: Path) -> None:
    """Delete the folders that killed processes left in `room`. Raises `OSError`."""
    if room.is_dir():
        with _held(room):
            _remove_abandoned(room)


def _held(room: Path) -> BaseFileLock:
    return FileLock(room / ".lock", mode=_FILE_MODE)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove_abandoned(room: Path) -> None:
    """Delete folders whose lock is free: their process has died. The caller holds the lock of the room."""
    for folder in {path.with_suffix("") for path in room.glob(f"{_PREFIX}*")}:
        lock = FileLock(_lock_of(folder), timeout=0, mode=_FILE_MODE)
        try:
            lock.acquire()
        except Timeout:
            continue
        _remove(folder)
        lock.release()


def _remove(folder: Path) -> None:
    rmtree(folder, ignore_errors=True)
    _lock_of(folder).unlink(missing_ok=True)
