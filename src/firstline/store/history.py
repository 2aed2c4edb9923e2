"""Everything that was said of one message: labels, also those that hold no more, second labels, remarks, decisions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from sqlalchemy import Connection, select

from firstline.store.schema import classes, imports, labels, messages, remarks, second_labels
from firstline.store.settling import SOURCE as SETTLED
from firstline.types import Label, Message

What: TypeAlias = Literal["imported", "labelled", "merged", "decided", "ended", "second", "skip", "unsure", "note"]


@dataclass(frozen=True)
class Event:
    """One change. `at` is UTC, None for labels older than the history; `who` is None if it is not known.

    `label` is the class that it is about, None without one; `text` is a note, or the name of the imported file.
    """

    at: datetime | None
    who: str | None
    what: What
    label: Label | None = None
    text: str = ""


@dataclass(frozen=True)
class MessageHistory:
    """A message, its labels in force, and its events from the first to the last."""

    message_id: int
    message: Message
    sent_at: datetime | None
    labels: list[Label]
    events: list[Event]


def read_history(connection: Connection, message_id: int) -> MessageHistory | None:
    """The history of a message; None if there is no such message."""
    wanted = select(messages.c.text, messages.c.segment, messages.c.sent_at).where(messages.c.id == message_id)
    row = connection.execute(wanted).first()
    if row is None:
        return None
    holds = select(classes.c.name).join_from(labels, classes).where(labels.c.message_id == message_id)
    held = holds.where(labels.c.superseded_at.is_(None)).order_by(labels.c.id)
    events = [*_of_labels(connection, message_id), *_of_others(connection, message_id)]
    return MessageHistory(
        message_id=message_id,
        message=Message(row.text, row.segment),
        sent_at=row.sent_at,
        labels=list(connection.execute(held).scalars()),
        events=sorted(events, key=lambda one: (one.at or datetime.min, one.what != "ended")),
    )


def _of_labels(connection: Connection, message_id: int) -> Iterator[Event]:
    """Labels as they were given and as they ended. One that a decision restored has no end."""
    successor, ending = labels.alias(), imports.alias()
    rows = connection.execute(
        select(labels, classes.c.name, imports.c.file, successor.c.by.label("next_by"), ending.c.file.label("end_file"))
        .join_from(labels, classes)
        .join(imports, imports.c.id == labels.c.import_id, isouter=True)
        .join(successor, successor.c.id == labels.c.superseded_by, isouter=True)
        .join(ending, ending.c.id == labels.c.superseded_import, isouter=True)
        .where(labels.c.message_id == message_id)
        .order_by(labels.c.id)
    )
    given: dict[str, What] = {SETTLED: "decided", "merge": "merged", "import": "imported"}
    for row in rows.mappings():
        yield Event(row["at"], row["by"], given.get(row["source"], "labelled"), row["name"], row["file"] or "")
        if row["superseded_at"]:
            # Without a successor, whoever gave it took it back.
            is_taken_back = row["superseded_by"] is None and row["superseded_import"] is None
            who = row["by"] if is_taken_back else row["next_by"]
            yield Event(row["superseded_at"], who, "ended", row["name"], row["end_file"] or "")


def _of_others(connection: Connection, message_id: int) -> Iterator[Event]:
    """Second labels and remarks, and that they were settled: once for each time, if no label was given then."""
    settled: set[tuple[datetime, str | None]] = set()
    again = select(second_labels, classes.c.name).join(classes, classes.c.id == second_labels.c.class_id)
    for row in connection.execute(again.where(second_labels.c.message_id == message_id)).mappings():
        yield Event(row["at"], row["who"], "second", row["name"])
        settled.add((row["settled_at"], row["settled_by"]))
    for row in connection.execute(select(remarks).where(remarks.c.message_id == message_id)).mappings():
        yield Event(row["at"], row["who"], row["kind"], text=row["text"] or "")
        settled.add((row["settled_at"], row["settled_by"]))
    own = select(labels.c.at).where(labels.c.message_id == message_id, labels.c.source == SETTLED)
    with_label = set(connection.execute(own).scalars())
    yield from (Event(at, who, "decided") for at, who in settled if at is not None and at not in with_label)
