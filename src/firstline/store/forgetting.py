"""Deletes messages for good, so that importing the same export again does not bring them back.

A forgotten message leaves a tombstone: a keyed hash that nobody can reverse without the workspace's key.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select
from sqlalchemy.exc import SQLAlchemyError

from firstline.errors import WorkspaceError
from firstline.store.messages import StoredMessage, insert_new, parts
from firstline.store.schema import corrections, message_ids, messages, tombstones

_SIZE_BYTES = 16


@dataclass
class Forgotten:
    """`keys` are the keys of the deleted messages.

    `n_shared` messages stay because other ids have them too. `n_unknown_ids` ids were not found; `n_undated` messages
    have no time to compare. `sources` are the systems known before.
    """

    keys: set[bytes] = field(default_factory=set)
    n_ids: int = 0
    n_shared: int = 0
    n_unknown_ids: int = 0
    n_undated: int = 0
    sources: list[str] = field(default_factory=list)


class Tombstones:
    """The hashes of all forgotten messages. `secret` is the key of the workspace."""

    def __init__(self, secret: bytes, keys: Collection[bytes]) -> None:
        self._secret = secret
        self._keys = frozenset(keys)

    @classmethod
    def read(cls, connection: Connection, secret: bytes) -> "Tombstones":
        return cls(secret, connection.execute(select(tombstones.c.key)).scalars().all())

    def __bool__(self) -> bool:
        return bool(self._keys)

    def covers(self, item: StoredMessage, source: str) -> bool:
        """Whether a message was forgotten, by its id, by its text, or, if it has no id, by its text and time."""
        return any(key in self._keys for key in marks(self._secret, item, source, is_by_text=True))


def marks(secret: bytes, item: StoredMessage, source: str, *, is_by_text: bool = False) -> Iterator[bytes]:
    """The hashes that recognise a message after it is deleted.

    With an id: of the id in its system, and of id and text, for an export under another name. Without one: of text and
    time. With `is_by_text`, or if it has neither id nor time: of the text.
    """
    if item.external_id:
        yield _mark(secret, "id", source, item.external_id)
        yield _mark(secret, "id and text", item.external_id, item.text)
    elif item.sent_at:
        yield _mark(secret, "text and time", item.text, item.sent_at.isoformat())
    if is_by_text or not (item.external_id or item.sent_at):
        yield _mark(secret, "text", item.text)


def _mark(secret: bytes, *values: str) -> bytes:
    return blake2b("\x00".join(values).encode(), key=secret, digest_size=_SIZE_BYTES).digest()


def forget(
    connection: Connection,
    secret: bytes,
    *,
    ids: Sequence[str] = (),
    source: str | None = None,
    texts: Sequence[str] = (),
    before: datetime | None = None,
    stored: Sequence[int] = (),
) -> Forgotten:
    """Delete messages by id (of one system, if `source` is given), by masked text, or by time, if sent before `before`.

    A message that other ids share stays for them. `stored` are the ids of a few rows, which go with all their ids.
    Runs in the caller's transaction.
    """
    known = connection.execute(select(message_ids.c.source).distinct().order_by(message_ids.c.source))
    found = Forgotten(sources=[name for name in known.scalars() if name])
    ids = list(dict.fromkeys(ids))
    for part in parts(ids):
        _forget_ids(connection, secret, part, source, found)
    for part in parts(texts):
        _forget_messages(connection, secret, messages.c.text.in_(part), found, is_by_text=True)
        _forget_earlier(connection, secret, corrections.c.text.in_(part), found, is_by_text=True)
    if stored:
        _forget_messages(connection, secret, messages.c.id.in_(stored), found)
    if before is not None:
        undated = select(func.count()).where(messages.c.sent_at.is_(None))
        found.n_undated = connection.execute(undated).scalar_one()
        _forget_messages(connection, secret, messages.c.sent_at < before, found)
        _forget_earlier(connection, secret, corrections.c.sent_at < before, found)
    return found


def _forget_ids(
    connection: Connection, secret: bytes, ids: Sequence[str], source: str | None, found: Forgotten
) -> None:
    meant: ColumnElement[bool] = message_ids.c.external_id.in_(ids)
    if source is not None:
        meant = and_(meant, message_ids.c.source == source)
    rows = connection.execute(
        select(message_ids.c.source, message_ids.c.external_id, message_ids.c.message_id, messages.c.text)
        .join_from(message_ids, messages)
        .where(meant)
    ).all()
    texts = [(of, id_, text) for of, id_, _, text in rows]
    for of, id_, _ in tuple(texts):
        own = and_(corrections.c.source == of, corrections.c.external_id == id_)
        # Earlier texts of the id too, since an older export contains them.
        earlier = connection.execute(select(corrections.c.text).where(own)).scalars()
        texts += [(of, id_, text) for text in earlier]
        connection.execute(corrections.delete().where(own))
    _bury(
        connection,
        [mark for of, id_, text in texts for mark in marks(secret, StoredMessage(text, external_id=id_), of)],
    )
    connection.execute(message_ids.delete().where(meant))
    found.n_ids += len(rows)
    found.n_unknown_ids += len(set(ids) - {row.external_id for row in rows})
    touched = sorted({message_id for _, _, message_id, _ in rows})
    for part in parts(touched):
        others = select(message_ids.c.message_id).where(message_ids.c.message_id.in_(part))
        shared = set(connection.execute(others).scalars())
        found.n_shared += len(shared)
        for message_id in shared:
            # From now on it belongs to the imports of those ids only, so that undoing them removes it.
            added_by = select(func.max(message_ids.c.import_id)).where(message_ids.c.message_id == message_id)
            values = {"import_id": added_by.scalar_subquery()}
            connection.execute(messages.update().where(messages.c.id == message_id).values(values))
        _delete(connection, [message_id for message_id in part if message_id not in shared], found)


def _forget_messages(
    connection: Connection, secret: bytes, meant: ColumnElement[bool], found: Forgotten, *, is_by_text: bool = False
) -> None:
    rows = connection.execute(
        select(messages.c.id, messages.c.text, messages.c.segment, messages.c.sent_at).where(meant)
    ).all()
    for part in parts(rows):
        places = [row.id for row in part]
        ids_of: dict[int, list[tuple[str, str]]] = {}
        named = select(message_ids.c.message_id, message_ids.c.source, message_ids.c.external_id)
        for message_id, of, id_ in connection.execute(named.where(message_ids.c.message_id.in_(places))):
            ids_of.setdefault(message_id, []).append((of, id_))
        buried: list[bytes] = []
        for message_id, text, segment, sent_at in part:
            for of, id_ in ids_of.get(message_id, [("", "")]):
                item = StoredMessage(text, segment, id_ or None, sent_at)
                buried += marks(secret, item, of, is_by_text=is_by_text)
                found.n_ids += bool(id_)
                own = and_(corrections.c.source == of, corrections.c.external_id == id_)
                connection.execute(corrections.delete().where(own))
        _bury(connection, buried)
        _delete(connection, places, found)


def _forget_earlier(
    connection: Connection, secret: bytes, meant: ColumnElement[bool], found: Forgotten, *, is_by_text: bool = False
) -> None:
    """Forget the texts that ids had before a correction. Undoing that import then leaves their messages as they are."""
    rows = connection.execute(select(corrections).where(meant)).mappings().all()
    buried: list[bytes] = []
    for row in rows:
        item = StoredMessage(row["text"], row["segment"], row["external_id"])
        # Not by its id, which has another text today.
        buried += list(marks(secret, item, row["source"], is_by_text=is_by_text))[1:]
        found.keys.add(item.key)
        now = select(message_ids.c.message_id).where(
            message_ids.c.source == row["source"], message_ids.c.external_id == row["external_id"]
        )
        made = and_(messages.c.id.in_(now), messages.c.import_id == row["import_id"])
        connection.execute(messages.update().where(made).values(import_id=None))
        connection.execute(corrections.delete().where(corrections.c.id == row["id"]))
    _bury(connection, buried)


def _bury(connection: Connection, keys: Sequence[bytes]) -> None:
    insert_new(connection, tombstones, [{"key": key} for key in keys])


def _delete(connection: Connection, places: Sequence[int], found: Forgotten) -> None:
    """Delete messages with their labels and ids."""
    found.keys.update(connection.execute(select(messages.c.key).where(messages.c.id.in_(places))).scalars())
    connection.execute(messages.delete().where(messages.c.id.in_(places)))


def rewrite(engine: Engine) -> str:
    """Rewrite the files of the database, so that they contain nothing of deleted rows. On PostgreSQL: of its tables.

    Returns an empty string, or the reason why it failed. PostgreSQL's write-ahead log and backups still contain the
    deleted rows until they are removed.
    """
    try:
        return _rewrite(engine)
    except (SQLAlchemyError, sqlite3.Error) as error:
        return str(getattr(error, "orig", None) or error)
    except WorkspaceError as error:
        return error.message


def _rewrite(engine: Engine) -> str:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            for table in (messages, message_ids, corrections):
                connection.exec_driver_sql(f"VACUUM FULL {table.name}")
            return ""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        is_busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        cursor.close()
        return "another command is reading" if is_busy else ""
    finally:
        raw.close()
