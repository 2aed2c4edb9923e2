"""A table that a killed process has begun, and the next one continues.

It lies in a folder next to its final place, `.NAME.….resumable`, with a small file of progress that holds no text. What
it was made from is remembered as hashes: if any of it differs, the next process refuses to write the table, because the
rows may be a night's work.
"""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree

import msgspec
from filelock import FileLock, Timeout

from firstline.errors import EarlierRunDiffers, FileUnwritable
from firstline.files import RESUMABLE, hidden_name, refuse_other_kinds, sync, tidy, whole_file
from firstline.store.private import make_private

_TABLE, _PROGRESS, _LOCK = "table", "progress.json", "lock"
_MOST_BYTES = 1_000_000


class _Progress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`progress.json`. `position` is what the writer called the end of the table."""

    made_from: dict[str, str]
    n_rows: int
    position: int
    counts: dict[str, int]


class Unfinished:
    """A table in `folder`: `n_rows` are in it up to `position`, with the `counts` of whoever wrote them.

    Raises `EarlierRunDiffers` if an earlier process kept rows that were made from something else.
    """

    def __init__(self, file: Path, folder: Path, made_from: Mapping[str, str]) -> None:
        self.path = folder / _TABLE
        self._file = folder / _PROGRESS
        self._made_from = dict(made_from)
        found = _read(self._file)
        self.n_rows, self.position, self.counts = 0, 0, dict[str, int]()
        if found is None:
            # One that cannot be read is worth nothing.
            self._file.unlink(missing_ok=True)
            return
        if found.made_from != self._made_from:
            raise _differs(file, folder, found, made_from)
        self.n_rows, self.position, self.counts = found.n_rows, found.position, found.counts

    def keep(self, n_rows: int, position: int, counts: Mapping[str, int]) -> None:
        """Remember that so many rows are on the disk. Raises `OSError`."""
        progress = _Progress(self._made_from, n_rows, position, dict(counts))
        with whole_file(self._file) as unfinished:
            make_private(unfinished)
            unfinished.write_bytes(msgspec.json.encode(progress))


def _read(progress: Path) -> _Progress | None:
    try:
        with progress.open("rb") as opened:
            return msgspec.json.decode(opened.read(_MOST_BYTES), type=_Progress)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def n_rows_kept(file: Path) -> int:
    """After how many rows the next process resumes that writes `file`."""
    found = _read(_folder_of(file) / _PROGRESS)
    return found.n_rows if found else 0


def _folder_of(file: Path) -> Path:
    return file.with_name(hidden_name(file, blake2b(file.name.encode(), digest_size=8).hexdigest(), RESUMABLE))


def _differs(file: Path, folder: Path, found: _Progress, made_from: Mapping[str, str]) -> EarlierRunDiffers:
    known = found.made_from
    changed = [name for name in {**known, **made_from} if known.get(name) != made_from.get(name)]
    return EarlierRunDiffers(
        f"An earlier run of {file} did not end, and {' and '.join(changed)} changed since; its first"
        f" {found.n_rows:,} rows are kept.",
        "To resume it, run it as before. To start over, name another file (--out FILE) or delete the folder"
        f" {shlex.quote(str(folder))}",
    )


@contextmanager
def resumable(file: Path, made_from: Mapping[str, str]) -> Iterator[Unfinished]:
    """A table that becomes `file` at the end; after an error it stays if some of its rows are kept.

    `made_from` maps what it is made from, in words for people, to a hash of that. Raises `OSError` as `whole_file`
    does, `FileUnwritable` if another process is writing the same table, and `EarlierRunDiffers`.
    """
    refuse_other_kinds(file)
    tidy(file.parent)
    folder = _folder_of(file)
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(folder / _LOCK, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise FileUnwritable(
            f"{file} cannot be written: another process is writing it.", "Wait for it, or name another file: --out FILE"
        ) from None
    is_whole = False
    try:
        unfinished = Unfinished(file, folder, made_from)
        yield unfinished
        sync(unfinished.path)
        unfinished.path.replace(file)
        is_whole = True
    finally:
        if is_whole or not (folder / _PROGRESS).exists():
            rmtree(folder, ignore_errors=True)
        lock.release()
