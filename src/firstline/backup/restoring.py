"""Makes a workspace from a backup.

Everything is unpacked and checked in the hidden folder `.restoring` of the new workspace, then moved up. The settings
come last: without them it is not a workspace. If it is killed before, the same command removes what it left.
"""

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy.engine import URL

from firstline.backup.archive import FOLDERS, TOP_FILES, BackupCard
from firstline.backup.reading import open_backup
from firstline.backup.tables import copy_tables, digests, has_rows
from firstline.errors import FileUnwritable, OldSetting, SettingsInvalid, StoreUnusable, WorkspaceBusy, WorkspaceExists
from firstline.files import sync_folder
from firstline.settings import FILE_NAME as SETTINGS
from firstline.settings import Settings, read_settings
from firstline.store.database import open_database, writing
from firstline.store.engine import shown
from firstline.store.workspace import DATABASE_FILE
from firstline.store.workspace import FOLDERS as MADE

_ROOM, _LOCK, _CONTENT = ".restoring", "lock", "content"
_NAMES = frozenset({*TOP_FILES, *FOLDERS, *MADE, DATABASE_FILE})


def restore_backup(file: Path, folder: Path) -> BackupCard:
    """Make a workspace in `folder`, which does not exist or is empty, from the backup in `file`.

    If the settings in the backup, or FIRSTLINE_DATABASE__URL, name a PostgreSQL database, the messages go there; it
    must be empty, or hold the very same rows. Raises `BackupUnusable`, `FileUnreadable`, `FileUnwritable`,
    `WorkspaceExists`, `WorkspaceBusy`, `SettingsInvalid` and `StoreUnusable`; then the folder is as it was before.
    """
    with open_backup(file) as backup:
        try:
            with _claimed(folder) as content:
                backup.unpack(content)
                settings = _settings(content / SETTINGS, backup.card)
                if settings.database.url and (content / DATABASE_FILE).exists():
                    _load(content / DATABASE_FILE, settings.database.url)
                _move_up(content, folder)
        except OSError as error:
            raise FileUnwritable(
                f"{file} cannot be restored to {folder}: {error.strerror or error}.",
                "Check the folder, its permissions and the free space.",
            ) from None
        return backup.card


@contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """An empty folder to unpack into, inside of `folder`. If the block raises, nothing is left of either.

    Inside, because `folder` may be the only place that may be written to, or a disk of its own.
    """
    is_new = not folder.exists()
    if not is_new:
        _require_empty(folder)
    room = folder / _ROOM
    room.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(room / _LOCK, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise WorkspaceBusy(f"Another command is restoring to {folder}.", "Wait until it has finished.") from None
    try:
        _require_empty(folder)
        _clear(folder)
        (room / _CONTENT).mkdir(mode=0o700)
        yield room / _CONTENT
    except BaseException:
        # Without settings it is not a workspace yet.
        if not (folder / SETTINGS).exists():
            _clear(folder)
        raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
        lock.release()
        if is_new:
            # It stays if it holds a workspace.
            with suppress(OSError):
                folder.rmdir()


def _require_empty(folder: Path) -> None:
    """Raises `WorkspaceExists` if there is anything but what a killed restore left."""
    if not folder.is_dir():
        raise WorkspaceExists(f"{folder} is not a folder.", "Name a folder that is empty or does not exist.")
    found = sorted(path.name for path in folder.iterdir())
    is_leftover = _ROOM in found and SETTINGS not in found
    others = [name for name in found if not (is_leftover and (name == _ROOM or name in _NAMES))]
    if others:
        named = SETTINGS if SETTINGS in others else others[0]
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        raise WorkspaceExists(
            f"{folder} is not empty: it has {named}{more}.", "Name a folder that is empty or does not exist."
        )


def _clear(folder: Path) -> None:
    """Remove what a restore puts into a folder that was empty."""
    for path in folder.iterdir():
        if path.name in _NAMES or path == folder / _ROOM:
            _remove(folder / _ROOM / _CONTENT if path.name == _ROOM else path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _settings(file: Path, card: BackupCard) -> Settings:
    try:
        with warnings.catch_warnings():
            # The next command shows it, with the file's final place.
            warnings.simplefilter("ignore", OldSetting)
            return read_settings(file)
    except SettingsInvalid as error:
        raise SettingsInvalid(
            error.message.replace(str(file), f"{SETTINGS} in the backup"),
            f"It was written by Firstline {card.firstline}. Restore it with that version, or correct the environment.",
        ) from None


def _load(file: Path, url: str) -> None:
    """Copy the messages from a SQLite file to a server, and remove the file."""
    source = open_database(URL.create("sqlite", database=str(file)))
    try:
        target = open_database(url)
        try:
            with source.connect() as old, writing(target) as new:
                if not has_rows(new):
                    copy_tables(old, new)
                # A restore that was killed may have got this far.
                elif digests(old) != digests(new):
                    raise StoreUnusable(
                        f"The database {shown(target.url)} is not empty.",
                        "Create an empty one, and name it in FIRSTLINE_DATABASE__URL.",
                    )
        finally:
            target.dispose()
    finally:
        source.dispose()
    for left in file.parent.glob(f"{DATABASE_FILE}*"):
        left.unlink()


def _move_up(content: Path, folder: Path) -> None:
    for path in sorted(content.iterdir(), key=lambda path: path.name == SETTINGS):
        if path.name == SETTINGS:
            for name in MADE:
                (folder / name).mkdir(exist_ok=True)
            sync_folder(folder)
        path.rename(folder / path.name)
    sync_folder(folder)
