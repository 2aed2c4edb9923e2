"""Messages that a lead has to decide about: people disagree about the class, or left it to a lead."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, RowMapping, and_, false, func, or_, select, true

from firstline.store.former_names import ids_now
from firstline.store.messages import parts
from firstline.store.schema import (
    classes,
    in_force,
    in_use,
    labels,
    messages,
    remarks,
    second_labels,
    suggestions,
)
from firstline.types import Label, Message

Why: TypeAlias = Literal["second", "split", "unsure"]
"""A second person gave another label; imports gave several; or somebody was unsure."""
MOST_SPLIT = 1_000
_MOST_GUESSES = 5
is_open_second = second_labels.c.settled_at.is_(None)
is_open_unsure = and_(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))


@dataclass(frozen=True)
class Opinion:
    """A class that somebody gave a message; `who` is None if the import did not name them.

    `is_second` means that they did not see the label that holds. A class that is not `is_in_use` cannot be chosen.
    """

    class_id: int
    label: Label
    description: str
    is_in_use: bool
    who: str | None
    at: datetime | None
    is_second: bool


@dataclass(frozen=True)
class Said:
    """What a person wrote about a message, or that they were unsure; `text` is masked."""

    who: str
    at: datetime
    is_unsure: bool
    text: str


@dataclass(frozen=True)
class Case:
    """A message to decide about, with labels in force first. `guesses` are classes that the model finds likely.

    `seen` changes with whatever a decision rests on, so that a page that shows less is refused.
    """

    message_id: int
    message: Message
    sent_at: datetime | None
    why: Why
    opinions: Sequence[Opinion]
    guesses: Sequence[int]
    said: Sequence[Said]
    seen: str


def split_messages(connection: Connection) -> list[int]:
    """Messages with several labels in force, at most 1,000, in order of id. Reads every label."""
    counted = select(labels.c.message_id).join(classes).where(in_force, in_use).group_by(labels.c.message_id)
    wanted = counted.having(func.count() > 1).order_by(labels.c.message_id).limit(MOST_SPLIT)
    return list(connection.execute(wanted).scalars())


def open_cases(connection: Connection, split: Collection[int]) -> dict[int, Why]:
    """The messages to decide about, in order of id. `split` may have messages that are decided already."""
    now_called = ids_now(connection)
    found: dict[int, Why] = {}
    unsure = select(remarks.c.message_id).where(is_open_unsure)
    found.update(dict.fromkeys(connection.execute(unsure).scalars(), "unsure"))
    differs = and_(is_open_second, in_force, in_use, second_labels.c.class_id != labels.c.class_id)
    rows = connection.execute(
        select(second_labels.c.message_id, second_labels.c.class_id, labels.c.class_id)
        .join_from(second_labels, labels, labels.c.message_id == second_labels.c.message_id)
        .join(classes, classes.c.id == labels.c.class_id)
        .where(differs)
    )
    for message_id, second, first in rows:
        if now_called.get(second, second) != first:
            found[message_id] = "second"
    for part in parts(sorted(split)):
        counted = select(labels.c.message_id).join(classes).where(labels.c.message_id.in_(part), in_force, in_use)
        still = counted.group_by(labels.c.message_id).having(func.count() > 1)
        found.update(dict.fromkeys(connection.execute(still).scalars(), "split"))
    return dict(sorted(found.items()))


def read_case(connection: Connection, message_id: int) -> Case | None:
    """What is known about a message; None if it is gone, or if there is nothing to decide."""
    content = select(messages.c.text, messages.c.segment, messages.c.sent_at).where(messages.c.id == message_id)
    row = connection.execute(content).first()
    if row is None:
        return None
    known = {one["id"]: one for one in connection.execute(select(classes)).mappings()}
    now_called = ids_now(connection)
    given, second, said = (read(connection, message_id) for read in (_in_force, _second, _said))
    unsure = [one["id"] for one in said if one["kind"] == "unsure" and one["settled_at"] is None]
    held = {one["class_id"] for one in given if _can_be_given(known[one["class_id"]])}
    others = {now_called.get(one["class_id"], one["class_id"]) for one in second} - held
    why: Why | None = "split" if len(held) > 1 else "second" if held and others else "unsure" if unsure else None
    if why is None:
        return None
    ids = ([one["id"] for one in given], [one["id"] for one in second], unsure)
    return Case(
        message_id=message_id,
        message=Message(row.text, row.segment),
        sent_at=row.sent_at,
        why=why,
        opinions=[_opinion(one, known, now_called) for one in (*given, *second)],
        guesses=_guesses(connection, message_id, known),
        said=[Said(one["who"], one["at"], one["kind"] == "unsure", one["text"] or "") for one in said],
        seen="-".join(",".join(map(str, some)) for some in ids),
    )


def _in_force(connection: Connection, message_id: int) -> Sequence[RowMapping]:
    columns = labels.c.id, labels.c.class_id, labels.c.by.label("who"), labels.c.at, false().label("is_second")
    wanted = select(*columns).where(labels.c.message_id == message_id, in_force).order_by(labels.c.id)
    return connection.execute(wanted).mappings().all()


def _second(connection: Connection, message_id: int) -> Sequence[RowMapping]:
    of = second_labels.c
    wanted = select(of.id, of.class_id, of.who, of.at, true().label("is_second"))
    return (
        connection.execute(wanted.where(of.message_id == message_id, is_open_second).order_by(of.id)).mappings().all()
    )


def _said(connection: Connection, message_id: int) -> Sequence[RowMapping]:
    """What has a text, and that somebody was unsure while nobody has decided."""
    is_shown = or_(remarks.c.text.is_not(None), is_open_unsure)
    wanted = select(remarks).where(remarks.c.message_id == message_id, is_shown).order_by(remarks.c.id)
    return connection.execute(wanted).mappings().all()


def _can_be_given(one: RowMapping) -> bool:
    return one["retired_at"] is None and one["stands_for"] is None


def _opinion(one: RowMapping, known: Mapping[int, RowMapping], now_called: Mapping[int, int]) -> Opinion:
    of = known[now_called.get(one["class_id"], one["class_id"])]
    return Opinion(
        of["id"],
        of["name"],
        of["description"] or "",
        _can_be_given(of),
        one["who"],
        one["at"],
        bool(one["is_second"]),
    )


def _guesses(connection: Connection, message_id: int, known: Mapping[int, RowMapping]) -> list[int]:
    wanted = select(suggestions.c.guesses).where(suggestions.c.message_id == message_id)
    guesses = json.loads(connection.execute(wanted).scalar() or "[]")
    return [int(place) for place, _ in guesses if place in known and _can_be_given(known[place])][:_MOST_GUESSES]
