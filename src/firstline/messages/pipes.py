"""Messages from a pipe: `firstline import /dev/stdin`, or `<(zcat history.csv.gz)`."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firstline.errors import FileUnreadable, FirstlineError
from firstline.messages.contents import Content, content_of
from firstline.store.private import make_private, temporary_folder

_ENDINGS = {Content.workbook: ".xlsx", Content.old_workbook: ".xls", Content.parquet: ".parquet"}
_DEVICES = (Path("/dev"), Path("/proc"))


@contextmanager
def readable(path: Path, room: Path) -> Iterator[Path]:
    """The path itself; of a pipe, a private copy in `room` that is gone at the end, since readers read twice.

    The copy's ending is by its content: workbook, Parquet, JSON, and else CSV. An error that is raised about the copy
    names `path` instead. Raises `FileUnreadable`.
    """
    if not _is_pipe(path):
        yield path
        return
    with temporary_folder(room) as folder:
        copy = folder / "stdin"
        try:
            make_private(copy)
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target)
            named = copy.rename(copy.with_suffix(_ending(copy)))
        except OSError as error:
            raise FileUnreadable(f"{path} cannot be read: {error.strerror}.", "Write it into a file first.") from None
        try:
            yield named
        except FirstlineError as error:
            error.message = error.message.replace(str(named), str(path))
            error.args = (error.message,)
            error.next_step = error.next_step.replace(str(named), str(path))
            raise


def _is_pipe(path: Path) -> bool:
    """Whether it is a pipe or a device, or has the name of one: a file that standard input comes from has no ending."""
    is_special = path.exists() and not path.is_file() and not path.is_dir()
    return is_special or (path.is_file() and any(device in path.absolute().parents for device in _DEVICES))


def _ending(copy: Path) -> str:
    if copy.stat().st_size == 0:
        return ".csv"
    with copy.open("rb") as file:
        first_line = file.readline(1 << 20).removeprefix(b"\xef\xbb\xbf").strip()
    if first_line.startswith(b"["):
        return ".json"
    if first_line.startswith(b"{"):
        return ".jsonl" if first_line.endswith(b"}") else ".json"
    return _ENDINGS.get(content_of(copy), ".csv")
