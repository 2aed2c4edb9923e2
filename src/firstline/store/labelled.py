"""The labelled messages with their ids, for showing which of them a message is like."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, select

from firstline.store.key import PREFIX
from firstline.store.schema import classes, in_force, in_use, labels, message_ids, messages
from firstline.types import Label, Message


@dataclass(frozen=True, slots=True)
class LabelledMessage:
    """A message with its one label. `external_id` is its id in the system it came from, None if it has none.

    `key` is that of `StoredMessage`. Ids that held personal data are hashes.
    """

    key: bytes
    external_id: str | None
    message: Message
    label: Label


def read_labelled(engine: Engine, none: Collection[Label] = ()) -> list[LabelledMessage]:
    """The messages that training learns: with exactly one label in force, which is not in `none`. Sorted by key.

    Of several ids, a readable one goes before a hash, and the first in alphabetical order before the others.
    """
    with engine.connect() as connection:
        rows = connection.execute(
            select(messages.c.id, messages.c.key, messages.c.text, messages.c.segment, classes.c.name)
            .join_from(messages, labels)
            .join(classes)
            .where(in_force, in_use)
            .order_by(messages.c.key)
        ).all()
        ids: dict[int, str] = {}
        labelled = select(labels.c.message_id).where(in_force)
        in_system = select(message_ids.c.message_id, message_ids.c.external_id).where(
            message_ids.c.message_id.in_(labelled)
        )
        for message_id, external_id in connection.execute(in_system):
            known = ids.setdefault(message_id, external_id)
            ids[message_id] = min(known, external_id, key=lambda item: (item.startswith(PREFIX), item))
    found: dict[bytes, list[LabelledMessage]] = {}
    for message_id, key, text, segment, label in rows:
        one = LabelledMessage(key, ids.get(message_id), Message(text, segment), label)
        found.setdefault(key, []).append(one)
    return [same[0] for same in found.values() if len(same) == 1 and same[0].label not in none]
