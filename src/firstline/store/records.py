"""Recorded answers: what the service answered to which masked text, one file a day, for people and for monitoring.

`2026-11-30.jsonl` has one `RecordedAnswer` a line. Services, commands and `forget` work on the same folder at the same
time, so whoever writes holds its lock, and opens the file anew each time.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from io import FileIO
from pathlib import Path
from secrets import token_hex
from typing import Any

import msgspec
from filelock import FileLock

from firstline.errors import FileUnwritable
from firstline.files import sync
from firstline.store.private import give_owner_of
from firstline.types import Decision, Label, Reason

_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_LOCK, _ENDING, _UNFINISHED = ".lock", ".jsonl", ".unfinished"
_FORGETTING = ".forgetting"
"""Has another content after each `forget`, so that a service learns of it. It says nothing about what was forgotten."""
_CHUNK_BYTES = 65_536
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a broken line raises; `RecursionError` comes from JSON with too many nested brackets."""


class RecordedAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer, to a text that is masked. Confidences are 0 to 1; `runner_up` is the second class.

    `at` is in UTC, as in 2026-11-30T09:15:00.250Z; `request` is the id of the request, `id` that of a batch's message.
    """

    at: str
    request: str
    model: str
    label: Label
    confidence: float
    decision: Decision
    reason: Reason
    text: str
    segment: str | None = None
    id: str | None = None
    runner_up: Label | None = None
    runner_up_confidence: float | None = None

    @property
    def day(self) -> str:
        """The day in UTC, which names its file."""
        return self.at[:10]


class _Found(msgspec.Struct):
    """What `forget` reads of a line. A later version may write other fields, and other values."""

    at: Any = None
    id: Any = None
    text: Any = None
    segment: Any = None

    @property
    def key(self) -> bytes:
        """The key that the message has in a database, if it is in one."""
        # The service, which does not need it, starts without SQLAlchemy.
        from firstline.store.messages import StoredMessage

        return StoredMessage(str(self.text), None if self.segment is None else str(self.segment)).key


class RecordFiles:
    """Appends to the files of a folder, and deletes those older than `days`."""

    def __init__(self, folder: Path, days: int) -> None:
        self._folder = folder
        self._days = days
        self._tidied: date | None = None
        self._seen = b""
        self._started, self._started_s = _now(), time.monotonic()

    def open(self) -> None:
        """Make the folder, if there is none, and see whether it can be written to. Raises `FileUnwritable`."""
        try:
            self._make()
            today = self._folder / f"{_now().date()}{_ENDING}"
            # Made here, so that it is the service's own, whoever forgets.
            with _locked(self._folder), _opened(today), _opened(self._folder / _FORGETTING):
                self._seen = self._forgetting()
        except OSError as error:
            raise FileUnwritable(
                f"Answers cannot be recorded in {self._folder}: {error.strerror}.",
                'Name another folder (serving.record_folder), or record nothing: serving.record = "none"',
            ) from None

    def append(self, records: Sequence[RecordedAnswer]) -> bool:
        """Append records of one day: all of them, or none. Raises `OSError`.

        False, with nothing written, if `forget` has run since the last call, as `has_forgotten` tells.
        """
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        self._make()
        with _locked(self._folder):
            # Under the lock: a `forget` that starts later will find these records in their file.
            if self.has_forgotten():
                return False
            with _opened(self._folder / f"{records[0].day}{_ENDING}") as file:
                _append(file, lines)
        return True

    def has_forgotten(self) -> bool:
        """Whether `forget` has run since the last call, or since `open`. Raises `OSError`.

        It did not see the records that were not in their files by then: whoever holds some should drop them.
        """
        seen, self._seen = self._seen, self._forgetting()
        return seen != self._seen

    def tidy(self) -> None:
        """Delete the files that are too old, and what a killed `forget` left; once a day. Raises `OSError`."""
        now = self._trusted_now()
        if now.date() == self._tidied or not self._folder.is_dir():
            return
        oldest = now - timedelta(days=self._days)
        with _locked(self._folder):
            _remove_unfinished(self._folder)
            for file in _files(self._folder):
                is_old = date.fromisoformat(file.stem) < oldest.date()
                if is_old and file.stat().st_mtime < oldest.timestamp():
                    file.unlink(missing_ok=True)
        self._tidied = now.date()

    def _trusted_now(self) -> datetime:
        """The time by the clock, or by how long this process has run: a clock that jumps ahead deletes nothing."""
        return min(_now(), self._started + timedelta(seconds=time.monotonic() - self._started_s))

    def _make(self) -> None:
        """Make the folder if there is none: for its lock alone, others could read it, and git would add it."""
        self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        ignored = self._folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")

    def _forgetting(self) -> bytes:
        try:
            return (self._folder / _FORGETTING).read_bytes()
        except FileNotFoundError:
            return b""


def read_records(folder: Path) -> Iterator[RecordedAnswer]:
    """The records in a folder, oldest first; none if there is no such folder.

    Skips lines that are no records, such as one that is just being written. Raises `OSError`.
    """
    for file in _files(folder):
        # Deleted meanwhile, since it was too old.
        with suppress(FileNotFoundError), file.open("rb") as lines:
            yield from (record for line in lines if (record := _read(line)) is not None)


def newest_records(folder: Path, most_bytes: int) -> Iterator[RecordedAnswer]:
    """The records in the last `most_bytes` of a folder's files, newest first. Raises `OSError`."""
    for file in reversed(_files(folder)):
        if most_bytes <= 0:
            return
        with suppress(FileNotFoundError), file.open("rb") as opened:
            start = max(0, opened.seek(0, os.SEEK_END) - most_bytes)
            opened.seek(start)
            content = opened.read(most_bytes)
            # The first line may be a part of one.
            lines = content.splitlines(keepends=True)[1 if start else 0 :]
            most_bytes -= len(content)
            yield from (record for line in reversed(lines) if (record := _read(line)) is not None)


def forget_records(
    folder: Path,
    *,
    ids: Collection[str] = (),
    texts: Collection[str] = (),
    keys: Collection[bytes] = (),
    before: datetime | None = None,
    is_rehearsal: bool = False,
) -> int:
    """Delete records by id, by masked text, by the key of their message, or by time, if answered before `before`.

    `before` is in UTC, without a zone, as the database stores times. Returns how many. A service may be appending
    meanwhile: it drops the records that still wait. Raises `OSError`.
    """
    moment = None if before is None else before.isoformat()

    def is_meant(found: _Found) -> bool:
        if moment is not None and isinstance(found.at, str) and found.at < moment:
            return True  # Texts of this form sort as the moments do.
        if found.id is not None and str(found.id) in ids:
            return True
        return found.text is not None and (str(found.text) in texts or (bool(keys) and found.key in keys))

    if not is_rehearsal and folder.is_dir():
        with _locked(folder), _opened(folder / _FORGETTING) as note:
            _remove_unfinished(folder)
            note.truncate()
            _write(note, token_hex(8).encode())
    n_found = 0
    for file in _files(folder):
        with _locked(folder), suppress(FileNotFoundError):
            n_found += _forget_in(file, is_meant, is_rehearsal)
    return n_found


def _forget_in(file: Path, is_meant: Callable[[_Found], bool], is_rehearsal: bool) -> int:
    if is_rehearsal:
        with file.open("rb") as lines:
            return sum(found is not None and is_meant(found) for found in map(_found, lines))
    n_found = n_broken = 0
    unfinished = file.with_suffix(_UNFINISHED)
    try:
        with file.open("rb") as lines, _opened(unfinished) as kept:
            kept.truncate()
            for line in lines:
                found = _found(line)
                if found is None:
                    # Half a line, of a process that was killed, may hold what should be forgotten.
                    n_broken += 1
                elif is_meant(found):
                    n_found += 1
                else:
                    _write(kept, line)
        if n_found or n_broken:
            # Its age stays what it was.
            status = file.stat()
            os.utime(unfinished, ns=(status.st_atime_ns, status.st_mtime_ns))
            # A service that runs as another user could not append to a file of root's.
            give_owner_of(file, unfinished)
            sync(unfinished)
            unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_found


def _remove_unfinished(folder: Path) -> None:
    """Remove what a killed `forget` left. The caller holds the lock."""
    for file in folder.glob(f"*{_UNFINISHED}"):
        if _is_day(file.stem):
            file.unlink(missing_ok=True)


def _read(line: bytes) -> RecordedAnswer | None:
    try:
        return msgspec.json.decode(line, type=RecordedAnswer) if line.endswith(b"\n") else None
    except _UNREADABLE:
        return None


def _found(line: bytes) -> _Found | None:
    """None for half a line, and for what is not an object in JSON."""
    try:
        return msgspec.json.decode(line, type=_Found) if line.endswith(b"\n") else None
    except _UNREADABLE:
        return None


def _write(file: FileIO, content: bytes) -> None:
    """Write all of it. Raises `OSError`. On a full disk, the system may write a part first."""
    while content:
        content = content[file.write(content) :]


def _append(file: FileIO, lines: bytes) -> None:
    """Write all, or leave the file as it was, without the half line of an earlier process that was killed."""
    end = _end_of_lines(file)
    try:
        file.truncate(end)
        file.seek(end)
        _write(file, lines)
    except OSError:
        file.truncate(end)
        raise


def _end_of_lines(file: FileIO) -> int:
    """The size of a file without a half line at its end."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _CHUNK_BYTES, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return end


def _locked(folder: Path) -> FileLock:
    return FileLock(folder / _LOCK, mode=_FILE_MODE)


@contextmanager
def _opened(file: Path) -> Iterator[FileIO]:
    """A file that only its owner may read, made if there is none. A link is refused: it could lead anywhere."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    with FileIO(os.open(file, flags, _FILE_MODE), "r+b") as opened:
        yield opened


def _files(folder: Path) -> list[Path]:
    """The files of a folder, oldest first. A pipe with such a name would keep its reader waiting for ever."""
    return sorted(file for file in folder.glob(f"*{_ENDING}") if _is_day(file.stem) and file.is_file())


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def _now() -> datetime:
    return datetime.now(UTC)
