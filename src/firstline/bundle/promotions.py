"""Who made which model the champion, when and why: `models/promotions.jsonl`, one line each, only added to."""

import getpass
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firstline.files import read_small

FILE_NAME = "promotions.jsonl"
_MOST_BYTES = 50_000_000


class Promotion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of the champion. `at` is UTC, ISO 8601; `before` is empty for the first.

    `is_rollback`: back to the model that was the champion before.
    """

    model: str
    before: str
    at: str
    by: str
    why: str
    is_rollback: bool = False


def promotions(models: Path) -> list[Promotion]:
    """All of them, the oldest first. Lines that cannot be read, such as half a one after a crash, are left out."""
    try:
        content = read_small(models / FILE_NAME, _MOST_BYTES)
    except FileNotFoundError:
        return []
    found = []
    for line in content.splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            found.append(msgspec.json.decode(line, type=Promotion))
    return found


def add_promotion(models: Path, model: str, before: str, why: str, *, is_rollback: bool = False) -> None:
    """Raises `OSError`; what was there stays."""
    promotion = Promotion(model, before, datetime.now(UTC).isoformat(timespec="seconds"), user_name(), why, is_rollback)
    line = msgspec.json.encode(promotion) + b"\n"
    descriptor = os.open(models / FILE_NAME, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        # What a crash left of a line must not swallow this one.
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                raise OSError(28, "No space left on device", str(models / FILE_NAME))
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def champions(models: Path) -> list[str]:
    """The models that `rollback` goes back through: the champion last. A rollback takes back what it rolled back."""
    stack: list[str] = []
    for one in promotions(models):
        if one.is_rollback and one.model in stack:
            while stack[-1] != one.model:
                stack.pop()
        else:
            # The first promotion that is known may have replaced a model from before there was a record.
            if not stack and one.before:
                stack.append(one.before)
            if not stack or stack[-1] != one.model:
                stack.append(one.model)
    return stack


def user_name() -> str:
    """The name of the user who runs this, as far as the system knows one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""
