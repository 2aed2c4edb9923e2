"""Texts and labels of messages, by their keys."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from sqlalchemy import Engine, and_, select

from firstline.store.messages import parts
from firstline.store.schema import classes, in_force, labels, messages
from firstline.types import Label


@dataclass(frozen=True)
class Quoted:
    """A message as the workspace has it now, masked, with its labels in force, sorted."""

    text: str
    segment: str | None
    labels: tuple[Label, ...] = ()


def read_quoted(engine: Engine, keys: Collection[bytes]) -> dict[bytes, Quoted]:
    """The messages with these keys; those that are not in the workspace are left out."""
    found: dict[bytes, Quoted] = {}
    columns = select(messages.c.key, messages.c.text, messages.c.segment, classes.c.name)
    rows_of = columns.join_from(messages, labels, and_(labels.c.message_id == messages.c.id, in_force), isouter=True)
    ordered = rows_of.join(classes, isouter=True).order_by(messages.c.key, classes.c.name)
    with engine.connect() as connection:
        for part in parts(sorted(keys)):
            for key, text, segment, name in connection.execute(ordered.where(messages.c.key.in_(part))):
                one = found.setdefault(key, Quoted(text, segment))
                if name is not None:
                    found[key] = replace(one, labels=(*one.labels, name))
    return found
