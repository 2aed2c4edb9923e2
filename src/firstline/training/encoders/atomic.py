"""Folders that are there whole or not at all."""

import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from firstline.errors import FileUnwritable

_UNFINISHED, _STALE_S = ".unfinished", 3600.0


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """An empty folder to write into, which becomes `folder` at the end, in the place of what was there.

    What a process that was killed has left beside it goes, after an hour. Raises `FileUnwritable`; what was there
    then stays.
    """
    unfinished: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _tidy(folder.parent)
        unfinished = Path(mkdtemp(prefix=f".{folder.name}.", suffix=_UNFINISHED, dir=folder.parent))
        yield unfinished
        unfinished.chmod(0o755)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            unfinished.rename(folder)
        except OSError as error:
            # Another process has just put the same there.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    except OSError as error:
        way_out = "Make room" if error.errno == errno.ENOSPC else f"Check the folder {folder.parent}"
        raise FileUnwritable(
            f"{folder} cannot be written: {error.strerror or error}.", f"{way_out}, then run this again."
        ) from None
    finally:
        if unfinished is not None:
            shutil.rmtree(unfinished, ignore_errors=True)


def _tidy(folder: Path) -> None:
    for place in folder.glob(f".*{_UNFINISHED}"):
        # Another process may tidy up as well.
        with suppress(FileNotFoundError):
            if place.stat().st_mtime < time.time() - _STALE_S:
                shutil.rmtree(place, ignore_errors=True)
