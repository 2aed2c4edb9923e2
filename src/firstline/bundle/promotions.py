"""Who made which model the champion, when and why: `models/promotions.jsonl`, one line each, only added to."""

import getpass
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from firstline.files import read_small, whole_file

FILE_NAME = "promotions.jsonl"
_MOST_BYTES = 50_000_000


class Promotion(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of the champion. `at` is UTC, ISO 8601; `before` is empty for the first.

    `is_rollback`: back to the model that was the champion before. `is_automatic`: no person chose the model.
    """

    model: str
    before: str
    at: str
    by: str
    why: str
    is_rollback: bool = False
    is_automatic: bool = False


def promotions(models: Path) -> list[Promotion]:
    """All promotions, the oldest first. Lines that cannot be read are left out."""
    try:
        content = read_small(models / FILE_NAME, _MOST_BYTES)
    except FileNotFoundError:
        return []
    found = []
    for line in content.splitlines():
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            found.append(msgspec.json.decode(line, type=Promotion))
    return found


def add_promotion(
    models: Path,
    model: str,
    before: str,
    why: str,
    *,
    by: str = "",
    is_rollback: bool = False,
    is_automatic: bool = False,
) -> None:
    """Add a line, unless the last one says the same. `by` is by default the user who runs this.

    Raises `OSError`, and leaves the file as it was.
    """
    file = models / FILE_NAME
    now = datetime.now(UTC).isoformat(timespec="seconds")
    promotion = Promotion(model, before, now, by or user_name(), why, is_rollback, is_automatic)
    last = next(reversed(promotions(models)), None)
    if last is not None and (last.model, last.before, last.why) == (model, before, why):
        # It was recorded, but the process was killed before the champion changed.
        return
    before_it = read_small(file, _MOST_BYTES) if file.exists() else b""
    # An older file may end without a line break.
    separator = b"" if before_it.endswith(b"\n") or not before_it else b"\n"
    with whole_file(file) as unfinished:
        unfinished.write_bytes(before_it + separator + msgspec.json.encode(promotion) + b"\n")


def champions(models: Path) -> list[str]:
    """The champions that can be rolled back to, the present one last; those that were rolled back from are left out."""
    stack: list[str] = []
    for one in promotions(models):
        if one.is_rollback and one.model in stack:
            while stack[-1] != one.model:
                stack.pop()
        else:
            # The first recorded promotion may have replaced a model that was promoted before there was a record.
            if not stack and one.before:
                stack.append(one.before)
            if not stack or stack[-1] != one.model:
                stack.append(one.model)
    return stack


def user_name() -> str:
    """The user who runs this: the name, or the id if the system knows no name."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""
