"""The key of a workspace: 32 random bytes that hash ids which may contain personal data, such as phone numbers.

The file is next to the settings, has mode 600 and is never in git. The database stores its fingerprint, so that a
lost or replaced key is noticed before an id gets a second hash. Anyone who has both the database and the key can guess
phone numbers.
"""

import secrets
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from sqlalchemy import Connection

from firstline.errors import KeyUnusable
from firstline.store.messages import read_state, write_state
from firstline.store.private import make_private

FILE_NAME = "workspace.key"
PREFIX = "hash:"
_SIZE_BYTES = 32
_STATE = "key"
_NOT_IN_GIT = ("/workspace.key", "/tmp/")  # noqa: S108 (a folder of the workspace)


@dataclass(frozen=True)
class WorkspaceKey:
    """Hashes ids. The same id gives the same hash in every import of a workspace."""

    secret: bytes

    def hash_id(self, value: str) -> str:
        """`hash:` and 32 hexadecimal digits, BLAKE2b keyed with the workspace's key."""
        return PREFIX + blake2b(value.encode(), key=self.secret, digest_size=16).hexdigest()

    @property
    def fingerprint(self) -> str:
        """A hash that identifies the key without revealing it. The database stores it."""
        return blake2b(key=self.secret, digest_size=16, person=b"fingerprint").hexdigest()


def open_key(folder: Path, connection: Connection) -> WorkspaceKey:
    """The key of the workspace in `folder`. It is created if neither the folder nor the database has one.

    `connection` must be able to write. Raises `KeyUnusable` if the key is missing, damaged or not the one of the
    database, and `OSError` if it cannot be read or written.
    """
    file = folder / FILE_NAME
    known = read_state(connection, _STATE)
    if known is not None and not file.exists():
        raise KeyUnusable(
            f"The workspace's key {file} is missing, but the database was filled with one.",
            f"Copy {FILE_NAME} from a backup, or from the workspace that shares this database.",
        )
    key = _read(file) if file.exists() else _make(file)
    if known is None:
        write_state(connection, _STATE, key.fingerprint)
    elif known != key.fingerprint:
        raise KeyUnusable(
            f"{file} is not the key that the database was filled with.",
            f"Put the right {FILE_NAME} there: from a backup, or from the workspace that shares this database.",
        )
    return key


def _read(file: Path) -> WorkspaceKey:
    secret = file.read_bytes()
    if len(secret) != _SIZE_BYTES:
        raise KeyUnusable(
            f"{file} is damaged: it has {len(secret):,} bytes, but a key has {_SIZE_BYTES}.",
            f"Copy {FILE_NAME} from a backup.",
        )
    return WorkspaceKey(secret)


def _make(file: Path) -> WorkspaceKey:
    key = WorkspaceKey(secrets.token_bytes(_SIZE_BYTES))
    unfinished = file.with_name(FILE_NAME + ".new")
    make_private(unfinished)
    unfinished.write_bytes(key.secret)
    _keep_out_of_git(file.parent)
    unfinished.replace(file)
    return key


def _keep_out_of_git(folder: Path) -> None:
    file = folder / ".gitignore"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    missing = [line for line in _NOT_IN_GIT if line not in text.split()]
    if missing:
        between = "" if not text or text.endswith("\n") else "\n"
        file.write_text(text + between + "\n".join(missing) + "\n", encoding="utf-8")
