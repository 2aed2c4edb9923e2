"""Recorded answers: what the service answered to which masked text, one file a day, for people and for monitoring.

`2026-11-30.jsonl` has one `RecordedAnswer` a line. Services, commands and `forget` work on the same folder at the same
time, so whoever writes holds its lock, and opens the file anew each time.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from io import FileIO
from pathlib import Path

import msgspec
from filelock import FileLock

from firstline.errors import FileUnwritable
from firstline.files import sync
from firstline.types import Decision, Label, Reason

_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_LOCK, _ENDING = ".lock", ".jsonl"
_CHUNK_BYTES = 65_536


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

    @property
    def key(self) -> bytes:
        """The key that the message has in a database, if it is in one."""
        # The service, which does not need it, starts without SQLAlchemy.
        from firstline.store.messages import StoredMessage

        return StoredMessage(self.text, self.segment).key


class RecordFiles:
    """Appends to the files of a folder, and deletes those older than `days`."""

    def __init__(self, folder: Path, days: int) -> None:
        self._folder = folder
        self._days = days
        self._tidied: date | None = None

    def open(self) -> None:
        """Make the folder, if there is none, and see whether it can be written to. Raises `FileUnwritable`."""
        try:
            self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            with _locked(self._folder), _opened(self._folder / f"{_today()}{_ENDING}"):
                (self._folder / ".gitignore").write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise FileUnwritable(
                f"Answers cannot be recorded in {self._folder}: {error.strerror}.",
                'Name another folder (serving.record_folder), or record nothing: serving.record = "none"',
            ) from None

    def append(self, records: Sequence[RecordedAnswer]) -> None:
        """Append records of one day: all of them, or none. Raises `OSError`."""
        lines = b"".join(msgspec.json.encode(record) + b"\n" for record in records)
        with _locked(self._folder), _opened(self._folder / f"{records[0].day}{_ENDING}") as file:
            _append(file, lines)

    def tidy(self) -> None:
        """Delete the files that are too old; once a day. Raises `OSError`."""
        today = _today()
        if today == self._tidied or not self._folder.is_dir():
            return
        with _locked(self._folder):
            for file in _files(self._folder):
                if date.fromisoformat(file.stem) < today - timedelta(days=self._days):
                    file.unlink(missing_ok=True)
        self._tidied = today


def read_records(folder: Path) -> Iterator[RecordedAnswer]:
    """The records in a folder, oldest first; none if there is no such folder.

    Skips lines that are no records, such as one that is just being written. Raises `OSError`.
    """
    for file in _files(folder):
        # Deleted meanwhile, since it was too old.
        with suppress(FileNotFoundError), file.open("rb") as lines:
            yield from (record for line in lines if (record := _read(line)) is not None)


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
    meanwhile. Raises `OSError`.
    """
    moment = None if before is None else before.isoformat()

    def is_meant(record: RecordedAnswer) -> bool:
        is_old = moment is not None and record.at < moment  # Texts of this form sort as the moments do.
        return is_old or record.id in ids or record.text in texts or (bool(keys) and record.key in keys)

    found = 0
    for file in _files(folder):
        with _locked(folder), suppress(FileNotFoundError):
            found += _forget_in(file, is_meant, is_rehearsal)
    return found


def _forget_in(file: Path, is_meant: Callable[[RecordedAnswer], bool], is_rehearsal: bool) -> int:
    found = n_broken = 0
    unfinished = file.with_suffix(".unfinished")
    try:
        with file.open("rb") as lines, _opened(unfinished) as kept:
            kept.truncate()
            for line in lines:
                record = _read(line)
                if record is None:
                    # Half a line, of a process that was killed, may hold what should be forgotten.
                    n_broken += 1
                elif is_meant(record):
                    found += 1
                else:
                    kept.write(line)
        if (found or n_broken) and not is_rehearsal:
            sync(unfinished)
            unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _read(line: bytes) -> RecordedAnswer | None:
    try:
        return msgspec.json.decode(line, type=RecordedAnswer) if line.endswith(b"\n") else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _append(file: FileIO, lines: bytes) -> None:
    """Write all, or leave the file as it was, without the half line of an earlier process that was killed."""
    end = _end_of_lines(file)
    try:
        file.truncate(end)
        file.seek(end)
        left = lines
        while left:
            left = left[file.write(left) :]
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
    """A file that only its owner may read, made if there is none."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
    with FileIO(os.open(file, flags, _FILE_MODE), "r+b") as opened:
        yield opened


def _files(folder: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted(file for file in folder.glob(f"*{_ENDING}") if _is_day(file.stem))


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False


def _today() -> date:
    return datetime.now(UTC).date()
