"""The file of API keys: who may ask the service for what. It holds hashes, never a key.

A key is `flk_` and 32 random bytes in base64. Only its SHA-256 is stored: with so many random bits, a slow hash would
protect nothing more, and would cost each request.
"""

import hashlib
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Annotated, get_args

import msgspec
from filelock import FileLock, Timeout
from msgspec import Meta

from firstline.errors import ApiKeysUnusable, UsageError
from firstline.files import read_small, whole_file
from firstline.serving.routes import Permission
from firstline.store.private import give_owner_of, write_private

SCOPES: tuple[Permission, ...] = get_args(Permission)
_PREFIX = "flk_"
_SIZE_BYTES = 32
KEY_CHARS = len(_PREFIX) + 43
"""43 characters of base64 hold 32 bytes."""
_NAME = r"\A[\w.-](?:[\w .-]{0,62}[\w.-])?\Z"
"""What a line of the log may hold."""
_LOCK_WAIT_S = 5.0
_MOST_BYTES = 10_000_000
_MOST_MODE = 0o640
"""A team may let a group read the file, and nobody else."""


class Key(msgspec.Struct, frozen=True):
    """One key, as the file holds it. `scopes` may have words of a later version, which allow nothing here."""

    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}\Z")]
    name: Annotated[str, Meta(pattern=_NAME)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    scopes: tuple[str, ...]
    created_at: str
    per_minute: Annotated[int, Meta(ge=1)] | None = None
    """Requests that it may send in a minute; None if there is no limit."""


def digest_of(key: bytes) -> bytes:
    """The SHA-256 of a key as a client sends it: 32 bytes."""
    return hashlib.sha256(key).digest()


def read_keys(file: Path) -> tuple[Key, ...]:
    """The keys in a file, oldest first; none if there is no file.

    Raises `ApiKeysUnusable` if it cannot be read or is not a file of keys.
    """
    try:
        content = read_small(file, _MOST_BYTES)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ApiKeysUnusable(
            f"The keys in {file} cannot be read: {error.strerror}.",
            "It must belong to the user who runs the service; check its owner and mode.",
        ) from None
    try:
        keys = msgspec.json.decode(content, type=tuple[Key, ...])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = error if isinstance(error, msgspec.DecodeError) else type(error).__name__
        raise ApiKeysUnusable(
            f"{file} is not a file of keys: {problem}.", "Restore it from a backup, or delete it and add keys anew."
        ) from None
    if len({key.name for key in keys}) < len(keys) or len({key.sha256 for key in keys}) < len(keys):
        raise ApiKeysUnusable(f"{file} has two keys of one name, or one key twice.", "Remove one of the two.")
    return keys


def add_key(file: Path, name: str, scopes: Sequence[str], per_minute: int | None = None) -> tuple[Key, str]:
    """Add a key to a file, which is made if it does not exist. Returns its entry and the key itself.

    Raises `UsageError` if the name is taken or not a name, or a scope is unknown, and `ApiKeysUnusable`.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise UsageError(
            f"'{unknown[0]}' is not a scope." if unknown else "A key needs at least one scope.",
            f"The scopes are {', '.join(SCOPES)}; for example --scope classify.",
        )
    if not re.search(_NAME, name):
        raise UsageError(
            f"{name!r} cannot be the name of a key.",
            "Use 1 to 64 letters, digits, spaces, dots, hyphens and underscores.",
        )
    with _locked(file):
        keys = read_keys(file)
        if any(name in (key.name, key.id) for key in keys):
            raise UsageError(
                f"There is already a key '{name}'.",
                "Take another name, or revoke that key:"
                f" firstline keys revoke {shlex.quote(name)} --file {shlex.quote(str(file))}",
            )
        secret = _PREFIX + token_urlsafe(_SIZE_BYTES)
        added = Key(
            id=token_hex(4),
            name=name,
            sha256=digest_of(secret.encode()).hex(),
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            per_minute=per_minute,
        )
        _write(file, (*keys, added))
    return added, secret


def revoke_key(file: Path, name_or_id: str) -> Key:
    """Remove a key from a file. Returns its entry. Raises `UsageError` if there is none, and `ApiKeysUnusable`."""
    with _locked(file):
        keys = read_keys(file)
        revoked = next((key for key in keys if name_or_id in (key.name, key.id)), None)
        if revoked is None:
            raise UsageError(f"There is no key '{name_or_id}' in {file}.", "See: firstline keys list")
        _write(file, tuple(key for key in keys if key is not revoked))
    return revoked


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Held while the file is read and replaced, so that of two new keys none is lost. Raises `ApiKeysUnusable`."""
    lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=_LOCK_WAIT_S, mode=0o600)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ApiKeysUnusable(f"{file} is being changed by another command.", "Run this again.") from None
    except OSError as error:
        raise _unwritable(file, error) from None
    try:
        yield
    finally:
        lock.release()


def _write(file: Path, keys: tuple[Key, ...]) -> None:
    content = msgspec.json.format(msgspec.json.encode(keys), indent=2).decode() + "\n"
    try:
        with whole_file(file) as replacement:
            write_private(replacement, content)
            _keep_owner(file, replacement)
    except OSError as error:
        raise _unwritable(file, error) from None


def _keep_owner(file: Path, replacement: Path) -> None:
    """Give the new file the owner and mode of the old one, or the owner of the folder.

    Otherwise a service that runs as another user could not read the keys which root adds.
    """
    if file.exists():
        replacement.chmod(file.stat().st_mode & _MOST_MODE)
    give_owner_of(file if file.exists() else file.parent, replacement)


def _unwritable(file: Path, error: OSError) -> ApiKeysUnusable:
    return ApiKeysUnusable(
        f"The keys in {file} cannot be written: {error.strerror}.", "Check its permissions and the free space."
    )
