"""Stored messages by their keys, with their labels and ids, for what people read: reports, and lists to correct."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, select

from firstline.store.messages import parts
from firstline.store.schema import classes, in_force, labels, message_ids, messages
from firstline.types import Label


@dataclass
class NamedMessage:
    """A stored message: its labels in force, and its ids, each as (system, id)."""

    text: str
    segment: str | None
    labels: list[Label] = field(default_factory=list)
    ids: list[tuple[str, str]] = field(default_factory=list)


def read_named(engine: Engine, keys: Sequence[bytes]) -> dict[bytes, NamedMessage]:
    """The messages with these keys that are stored, read in one transaction."""
    found: dict[bytes, NamedMessage] = {}
    text = select(messages.c.key, messages.c.text, messages.c.segment)
    label = select(messages.c.key, classes.c.name).join_from(messages, labels).join(classes).where(in_force)
    named = select(messages.c.key, message_ids.c.source, message_ids.c.external_id).join_from(messages, message_ids)
    with engine.connect() as connection:
        for part in parts(keys):
            is_meant = messages.c.key.in_(part)
            for key, content, segment in connection.execute(text.where(is_meant)):
                found[key] = NamedMessage(content, segment)
            for key, name in connection.execute(label.where(is_meant).order_by(classes.c.name)):
                found[key].labels.append(name)
            order = message_ids.c.source, message_ids.c.external_id
            for key, source, external_id in connection.execute(named.where(is_meant).order_by(*order)):
                found[key].ids.append((source, external_id))
    return found
