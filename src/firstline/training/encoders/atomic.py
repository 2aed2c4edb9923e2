"""Folders of encoders that are there whole or not at all."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstline.errors import FileUnwritable
from firstline.files import whole_folder


@contextmanager
def write_folder(folder: Path) -> Iterator[Path]:
    """As `whole_folder`. Raises `FileUnwritable`."""
    try:
        with whole_folder(folder) as unfinished:
            yield unfinished
    except OSError as error:
        way_out = "Make room" if error.errno == errno.ENOSPC else f"Check the folder {folder.parent}"
        raise FileUnwritable(
            f"{folder} cannot be written: {error.strerror or error}.", f"{way_out}, then run this again."
        ) from None
