"""Undoes the last import: removes what it added and restores what it changed."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, exists, func, select

from firstline.store.classes import delete_unused
from firstline.store.former_names import own_again
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import classes, corrections, imports, labels, message_ids, messages


@dataclass(frozen=True)
class Undone:
    """The import that was undone; messages and labels removed, earlier texts and labels restored."""

    file: str
    at: datetime
    n_messages: int
    n_labels: int
    n_texts_back: int
    n_labels_back: int


def close_if_unchanged(connection: Connection, import_id: int) -> None:
    """Leave nothing to undo of an import that changed nothing.

    A file that was imported twice changes nothing the second time, and it is the first import that people mean.
    """
    changed = (
        labels.c.import_id,
        labels.c.superseded_import,
        message_ids.c.import_id,
        messages.c.import_id,
        corrections.c.import_id,
        classes.c.import_id,
    )
    nothing = and_(*(~exists().where(column == import_id) for column in changed))
    connection.execute(imports.update().where(imports.c.id == import_id, nothing).values(undone_at=now()))


def undo_last_import(connection: Connection, mask: Callable[[str], str]) -> Undone | None:
    """Undo the last import that changed something and is not undone yet; return None if there is none.

    Runs in the caller's transaction. A message that has been labelled since stays. `mask` applies today's masks to
    restored texts.
    """
    wanted = select(imports).where(imports.c.undone_at.is_(None)).order_by(imports.c.id.desc())
    last = connection.execute(wanted.limit(1)).mappings().first()
    if last is None:
        return None
    import_id = last["id"]
    restored = _take_back_corrections(connection, import_id)
    n_labels = connection.execute(labels.delete().where(labels.c.import_id == import_id)).rowcount
    n_labels_back = _put_labels_back(connection, import_id)
    connection.execute(message_ids.delete().where(message_ids.c.import_id == import_id))
    is_labelled = exists().where(labels.c.message_id == messages.c.id)
    gone = and_(messages.c.import_id == import_id, ~is_labelled)
    n_messages = connection.execute(messages.delete().where(gone)).rowcount
    for message_id, message in restored.items():
        masked = StoredMessage("\n".join(map(mask, message.text.split("\n"))), message.segment)
        values = {"key": masked.key, "text": masked.text}
        connection.execute(messages.update().where(messages.c.id == message_id).values(values))
    connection.execute(corrections.delete().where(corrections.c.import_id == import_id))
    delete_unused(connection, classes.c.import_id == import_id)
    own_again(connection, import_id)
    connection.execute(imports.update().where(imports.c.id == import_id).values(undone_at=now()))
    return Undone(last["file"], last["at"], n_messages, n_labels, len(restored), n_labels_back)


def _take_back_corrections(connection: Connection, import_id: int) -> dict[int, StoredMessage]:
    """Give ids and labels back to the messages they belonged to; return the restored messages by id."""
    made = select(corrections).where(corrections.c.import_id == import_id).order_by(corrections.c.id.desc())
    restored: dict[int, StoredMessage] = {}
    for row in connection.execute(made).mappings().all():
        message_id = row["message_id"]
        # A random key for now: keys are unique, and another message may have this text until it is removed.
        values = {
            "key": os.urandom(16),
            "text": row["text"],
            "segment": row["segment"],
            "sent_at": row["sent_at"],
            "import_id": row["added_by"],
        }
        changed = connection.execute(messages.update().where(messages.c.id == message_id).values(values))
        if not changed.rowcount:
            connection.execute(messages.insert().values(id=message_id, **values))
        own = and_(message_ids.c.source == row["source"], message_ids.c.external_id == row["external_id"])
        connection.execute(message_ids.update().where(own).values(message_id=message_id))
        _move_back(connection, row)
        restored[message_id] = StoredMessage(row["text"], row["segment"])
    return restored


def _move_back(connection: Connection, row: RowMapping) -> None:
    for label_id in json.loads(row["label_ids"]):
        connection.execute(labels.update().where(labels.c.id == label_id).values(message_id=row["message_id"]))


def _put_labels_back(connection: Connection, import_id: int) -> int:
    """Restore the labels that the import superseded, unless the message got the same label again since."""
    other = labels.alias()
    labelled_since = exists().where(
        other.c.message_id == labels.c.message_id,
        other.c.class_id == labels.c.class_id,
        other.c.superseded_at.is_(None),
    )
    taken = and_(labels.c.superseded_import == import_id, ~labelled_since)
    values = {"superseded_at": None, "superseded_by": None, "superseded_import": None}
    n_back = connection.execute(select(func.count()).where(taken)).scalar_one()
    connection.execute(labels.update().where(taken).values(values))
    return n_back
