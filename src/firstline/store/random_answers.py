"""What champions answered to messages that were drawn at random, before a model learned their labels.

Nobody chose these messages, so they measure how good each champion is in use.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Integer, cast, exists, func, select

from firstline.store.messages import insert_new, now
from firstline.store.schema import classes, in_force, in_use, labels, messages, random_answers
from firstline.types import Decision, Label, Message


@dataclass(frozen=True)
class RandomLabel:
    """A label of a message that was drawn at random; `key` is that of the message, `at` is UTC."""

    id: int
    at: datetime | None
    key: bytes
    message: Message
    label: Label


@dataclass(frozen=True)
class RandomAnswer:
    """What a champion answered to the message of the label with this id."""

    label_id: int
    is_right: bool
    decision: Decision


@dataclass(frozen=True)
class Measured:
    """One champion's answers to messages that were drawn at random; shares are 0 to 1."""

    model: str
    n_messages: int
    accuracy: float
    routed: float
    unknown: float


def unanswered(connection: Connection) -> list[RandomLabel]:
    """The labels of random messages that no champion has answered yet; a message with two labels is left out."""
    other = labels.alias()
    is_split = exists().where(
        other.c.message_id == labels.c.message_id, other.c.id != labels.c.id, other.c.superseded_at.is_(None)
    )
    answered = labels.alias()
    is_answered = exists().where(
        random_answers.c.label_id == answered.c.id, answered.c.message_id == labels.c.message_id
    )
    rows = connection.execute(
        select(labels.c.id, labels.c.at, messages.c.key, messages.c.text, messages.c.segment, classes.c.name)
        .join_from(labels, messages)
        .join(classes)
        .where(labels.c.is_random, in_force, in_use, ~is_answered, ~is_split)
        .order_by(labels.c.id)
    )
    return [RandomLabel(place, at, key, Message(text, segment), name) for place, at, key, text, segment, name in rows]


def add_answers(connection: Connection, model: str, answers: Sequence[RandomAnswer]) -> None:
    """Store what the champion `model` answered. A label that was removed or answered meanwhile is left out."""
    wanted = {one.label_id: one for one in answers}
    stored = {one.id for one in unanswered(connection)}
    rows = [
        {"label_id": place, "model": model, "at": now(), "is_right": one.is_right, "decision": one.decision}
        for place, one in wanted.items()
        if place in stored
    ]
    insert_new(connection, random_answers, rows)


def measured(connection: Connection) -> list[Measured]:
    """The figures of each champion, by the labels that its messages had then. Undone imports do not count."""
    rows = connection.execute(
        select(
            random_answers.c.model,
            func.count(),
            _share(random_answers.c.is_right),
            _share(random_answers.c.decision == "route"),
            _share(random_answers.c.decision == "unknown"),
        )
        .group_by(random_answers.c.model)
        .order_by(random_answers.c.model)
    )
    return [Measured(model, n, *map(float, shares)) for model, n, *shares in rows]


def _share(condition: ColumnElement[bool]) -> ColumnElement[float]:
    return func.avg(cast(condition, Integer) * 1.0)
