"""Corrections: a file has a new text for a known id. The message gets the new text and keeps its labels.

All corrections of a file are applied together at the end, so that labels stay with their ids even if two ids have
swapped their texts.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from firstline.store.messages import StoredMessage, find_message, insert_new, move_labels
from firstline.store.schema import corrections, in_force, labels, message_ids, messages


@dataclass(frozen=True, slots=True)
class Known:
    """The stored message of a known id, and the last import that contained the id."""

    message_id: int
    key: bytes
    text: str
    segment: str | None
    last_import: int | None


@dataclass(frozen=True)
class Correction:
    """`item`, with its `key`, is what the file has for an id; `found` is what the store has."""

    item: StoredMessage
    key: bytes
    found: Known


class Corrector:
    """Corrects messages for one import, and records the earlier texts so that the import can be undone."""

    def __init__(self, connection: Connection, import_id: int, source: str) -> None:
        self._connection = connection
        self._import_id = import_id
        self._source = source
        self.n_made = 0
        """Messages that were added because other ids still have the old text."""

    def apply(self, wanted: Sequence[Correction]) -> None:
        alone = [one for one in wanted if self._is_alone(one.found.message_id)]
        before = [self._before(one.found.message_id) for one in alone]
        for one, (sent_at, _) in zip(alone, before, strict=True):
            # A random key for now: keys are unique, and another message may still have the new text.
            self._rewrite(one, os.urandom(16), sent_at)
        for one, (sent_at, added_by) in zip(alone, before, strict=True):
            self._keep(one, sent_at, added_by, self._settle(one))
        done = {id(one) for one in alone}
        for one in wanted:
            if id(one) not in done:
                self._split(one)

    def _is_alone(self, message_id: int) -> bool:
        """Whether exactly one id has the message."""
        counted = select(func.count()).where(message_ids.c.message_id == message_id)
        return self._connection.execute(counted).scalar_one() == 1

    def _before(self, message_id: int) -> tuple[datetime | None, int | None]:
        """When the message was sent, and the import that added it."""
        row = self._connection.execute(
            select(messages.c.sent_at, messages.c.import_id).where(messages.c.id == message_id)
        ).one()
        return row[0], row[1]

    def _rewrite(self, one: Correction, key: bytes, sent_at: datetime | None) -> None:
        item = one.item
        values = {"key": key, "text": item.text, "segment": item.segment, "sent_at": item.sent_at or sent_at}
        self._connection.execute(messages.update().where(messages.c.id == one.found.message_id).values(values))

    def _settle(self, one: Correction) -> list[int]:
        """Give a rewritten message its key, or merge it into the message that has it; return the labels moved there."""
        connection, message_id = self._connection, one.found.message_id
        target = find_message(connection, one.key)
        if target is None:
            connection.execute(messages.update().where(messages.c.id == message_id).values(key=one.key))
            return []
        self._point(one, target)
        moved = move_labels(connection, message_id, target, self._import_id)
        connection.execute(messages.delete().where(messages.c.id == message_id))
        return moved

    def _split(self, one: Correction) -> None:
        """Correct an id that shares its message. The other ids keep the old text; both messages get the labels."""
        connection, message_id = self._connection, one.found.message_id
        sent_at, added_by = self._before(message_id)
        if self._is_alone(message_id):
            self._rewrite(one, os.urandom(16), sent_at)
            self._keep(one, sent_at, added_by, self._settle(one))
            return
        target = find_message(connection, one.key)
        if target is None:
            item = one.item
            made = {"key": one.key, "text": item.text, "segment": item.segment, "sent_at": item.sent_at}
            insert_new(connection, messages, [{**made, "import_id": self._import_id}])
            self.n_made += 1
            target = find_message(connection, one.key)
            assert target is not None  # noqa: S101 (it was inserted just now)
        self._point(one, target)
        self._copy_labels(message_id, target)
        self._keep(one, sent_at, added_by, [])

    def _point(self, one: Correction, target: int) -> None:
        own = and_(message_ids.c.source == self._source, message_ids.c.external_id == one.item.external_id)
        self._connection.execute(message_ids.update().where(own).values(message_id=target))

    def _copy_labels(self, message_id: int, target: int) -> None:
        copied = select(labels.c.class_id, labels.c.source, labels.c.by, labels.c.at).where(
            labels.c.message_id == message_id, in_force
        )
        made = {"message_id": target, "import_id": self._import_id}
        rows = [
            {**made, "class_id": class_id, "source": source, "by": by, "at": at}
            for class_id, source, by, at in self._connection.execute(copied)
        ]
        insert_new(self._connection, labels, rows)

    def _keep(self, one: Correction, sent_at: datetime | None, added_by: int | None, moved: list[int]) -> None:
        self._connection.execute(
            corrections.insert().values(
                import_id=self._import_id,
                message_id=one.found.message_id,
                source=self._source,
                external_id=one.item.external_id,
                text=one.found.text,
                segment=one.found.segment,
                sent_at=sent_at,
                added_by=added_by,
                label_ids=json.dumps(moved),
            )
        )
