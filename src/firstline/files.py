"""Files and folders that are there whole or not at all, and small files read without a wait.

The new content is written next to its place, as `.NAME.….unfinished`, and renamed once it is on the disk. If anything
goes wrong, the old content stays. Leftovers of a killed process are removed by the next write to that folder, after an
hour at the earliest, or a week if a later process may resume them.
"""

import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

_UNFINISHED, RESUMABLE = ".unfinished", ".resumable"
_STALE_S = {_UNFINISHED: 3600.0, RESUMABLE: 7 * 86_400.0}
_MOST_NAME_CHARS = 50
"""Of the final name: a name may have 255 bytes in all, and a character up to four of them."""


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """A path to write to, which becomes `file` at the end. Folders above it are made; a new one without it is removed.

    Raises `OSError`, also if something else than a file is in its place.
    """
    refuse_other_kinds(file)
    is_folder_new = not file.parent.exists()
    unfinished = _beside(file)
    try:
        yield unfinished
        sync(unfinished)
        unfinished.replace(file)
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
            if is_folder_new:
                file.parent.rmdir()  # Fails if there is something in it, and should.


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which replaces `folder` at the end.

    If another process puts the same folder there meanwhile, that one stays. Raises `OSError`.
    """
    unfinished = _beside(folder)
    try:
        unfinished.mkdir()
        yield unfinished
        for path in unfinished.rglob("*"):
            if path.is_file():
                sync(path)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            unfinished.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def sync(file: Path) -> None:
    """Write a file's content to the disk, so that a power cut cannot leave it empty. Raises `OSError`."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def sync_folder(folder: Path) -> None:
    """Write to the disk which files a folder holds, where the system can. Raises `OSError`."""
    if hasattr(os, "O_DIRECTORY"):
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that no space is left, or that a quota is used up."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        found = found.__cause__ or found.__context__
    return False


def read_small(file: Path, most_bytes: int) -> bytes:
    """The content of a file of at most `most_bytes`.

    Raises `OSError`, also if it has more bytes or is not a file. Never waits for the other end of a pipe.
    """
    with open(file, "rb", opener=_opened_at_once) as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a file", str(file))
        content = opened.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes:,} bytes", str(file))
    return content


def _opened_at_once(file: str, flags: int) -> int:
    return os.open(file, flags | getattr(os, "O_NONBLOCK", 0))  # Windows has no pipes among its files.


def refuse_other_kinds(place: Path) -> None:
    """Raises `OSError` for a folder, a pipe or a device: with a file in the place of /dev/null, no program works."""
    is_stream = place.is_symlink() and str(place.readlink()).startswith("/proc/")  # /dev/stdout, wherever it leads.
    if is_stream or (place.exists() and not place.is_file()):
        raise FileExistsError(errno.EEXIST, "it is not a file", str(place))


def _beside(place: Path) -> Path:
    """An unused path in the same folder."""
    place.parent.mkdir(parents=True, exist_ok=True)
    tidy(place.parent)
    return place.with_name(hidden_name(place, token_hex(8), _UNFINISHED))


def hidden_name(place: Path, token: str, ending: str) -> str:
    """The name of what will become `place`."""
    return f".{place.name[:_MOST_NAME_CHARS]}.{token}{ending}"


def tidy(folder: Path) -> None:
    """Remove what killed processes left in a folder long ago."""
    for ending, stale_s in _STALE_S.items():
        for path in folder.glob(f".*{ending}"):
            # Another process may tidy up as well.
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < time.time() - stale_s:
                    if path.is_dir():
                        shutil.rmtree(path, ignore_errors=True)
                    else:
                        path.unlink()
