"""Messages without a label for a sheet that people fill in: in the order of the queue, or any that nobody sees now."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from firstline.store.messages import now
from firstline.store.schema import classes, in_force, in_use, labels, leases, messages, remarks, suggestions
from firstline.types import Label, Message


@dataclass(frozen=True)
class OpenMessage:
    """A message that waits for a label, with its likely classes, the likeliest first; shares are 0 to 1."""

    id: int
    message: Message
    guesses: tuple[tuple[Label, float], ...] = ()


def queued(connection: Connection, n: int) -> list[OpenMessage]:
    """The first `n` messages of the queue that the worker wrote.

    Those that were drawn at random have no guesses, so that their labels measure the model.
    """
    names = {row.id: row.name for row in connection.execute(select(classes.c.id, classes.c.name).where(in_use))}
    wanted = (
        select(messages.c.id, messages.c.text, messages.c.segment, suggestions.c.guesses, suggestions.c.is_random)
        .join_from(suggestions, messages)
        .where(_is_open())
        .order_by(suggestions.c.rank)
        .limit(n)
    )
    return [
        OpenMessage(
            row.id,
            Message(row.text, row.segment),
            () if row.is_random else _named(json.loads(row.guesses), names),
        )
        for row in connection.execute(wanted)
    ]


def drawn(connection: Connection, n: int, without: Sequence[int] = ()) -> list[OpenMessage]:
    """At most `n` messages, drawn at random: keys are hashes. `without` are ids to leave out."""
    wanted = select(messages.c.id, messages.c.text, messages.c.segment).where(_is_open()).order_by(messages.c.key)
    left_out = frozenset(without)
    rows = connection.execute(wanted.limit(n + len(left_out)))
    return [OpenMessage(row.id, Message(row.text, row.segment)) for row in rows if row.id not in left_out][:n]


def _named(guesses: Sequence[tuple[int, float]], names: dict[int, Label]) -> tuple[tuple[Label, float], ...]:
    return tuple((names[class_id], share) for class_id, share in guesses if class_id in names)


def _is_open() -> ColumnElement[bool]:
    """Whether a message has no label, nobody sees it now, and it does not wait for a lead."""
    has_label = exists().where(labels.c.message_id == messages.c.id, in_force)
    is_seen = exists().where(leases.c.message_id == messages.c.id, leases.c.until > now())
    unsure = and_(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    waits = exists().where(remarks.c.message_id == messages.c.id, unsure)
    return and_(~or_(has_label, is_seen, waits))
