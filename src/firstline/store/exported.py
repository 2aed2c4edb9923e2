"""Stored messages with their labels, as an export writes them: a few thousand at a time, in short transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, exists, select

from firstline.store.key import PREFIX
from firstline.store.messages import parts
from firstline.store.schema import classes, in_force, in_use, labels, message_ids, messages
from firstline.types import Label

_AT_ONCE = 5_000
_CONTENT = (messages.c.id, messages.c.key, messages.c.text, messages.c.segment, messages.c.sent_at)


@dataclass(frozen=True, slots=True)
class ExportedMessage:
    """A message with one of its labels; None if it has none. Times are UTC, without a zone.

    `id` and `source` are those of the first system that has the message, a readable id before a hash.
    """

    key: bytes
    text: str
    segment: str | None = None
    sent_at: datetime | None = None
    id: str | None = None
    source: str | None = None
    label: Label | None = None
    labelled_by: str | None = None
    labelled_at: datetime | None = None


def read_exported(engine: Engine, *, is_labelled: bool = False) -> Iterator[ExportedMessage]:
    """Every message in the order in which it came; once for each label, if people disagree.

    With `is_labelled` only those that have a label. Labels of classes out of use do not count. What changes meanwhile
    may be in it or not. Raises `StoreUnusable`.
    """
    last = 0
    has_label = exists().where(
        labels.c.message_id == messages.c.id, in_force, labels.c.class_id == classes.c.id, in_use
    )
    while True:
        wanted = select(*_CONTENT).where(messages.c.id > last).order_by(messages.c.id).limit(_AT_ONCE)
        with engine.connect() as connection:
            rows = connection.execute(wanted.where(has_label) if is_labelled else wanted).all()
            if not rows:
                return
            last = rows[-1].id
            found = _named(connection, [row.id for row in rows])
        for row in rows:
            place, source = found.ids.get(row.id, (None, None))
            one = ExportedMessage(row.key, row.text, row.segment, row.sent_at, place, source)
            given = found.labels.get(row.id)
            yield from (replace(one, label=name, labelled_by=by, labelled_at=at) for name, by, at in given or ())
            if not given:
                yield one


def read_by_ids(connection: Connection, wanted: Sequence[int]) -> dict[int, ExportedMessage]:
    """The messages with these ids of the database that are stored, without their labels."""
    found: dict[int, ExportedMessage] = {}
    for part in parts(wanted):
        named = _ids_of(connection, part)
        for row in connection.execute(select(*_CONTENT).where(messages.c.id.in_(part))):
            place = named.get(row.id, (None, None))
            found[row.id] = ExportedMessage(row.key, row.text, row.segment, row.sent_at, *place)
    return found


@dataclass(frozen=True)
class _Named:
    """By message: its id and the system of it; its labels with who gave them and when."""

    ids: dict[int, tuple[str, str]]
    labels: dict[int, list[tuple[Label, str | None, datetime | None]]]


def _named(connection: Connection, wanted: Sequence[int]) -> _Named:
    found = _Named({}, {})
    of_label = select(labels.c.message_id, classes.c.name, labels.c.by, labels.c.at).join_from(labels, classes)
    for part in parts(wanted):
        found.ids.update(_ids_of(connection, part))
        given = of_label.where(labels.c.message_id.in_(part), in_force, in_use).order_by(classes.c.name)
        for message_id, name, by, at in connection.execute(given):
            found.labels.setdefault(message_id, []).append((name, by, at))
    return found


def _ids_of(connection: Connection, part: Sequence[int]) -> dict[int, tuple[str, str]]:
    named: dict[int, tuple[str, str]] = {}
    columns = select(message_ids.c.message_id, message_ids.c.external_id, message_ids.c.source)
    rows = connection.execute(columns.where(message_ids.c.message_id.in_(part)))
    for message_id, *one in rows:
        known, found = named.get(message_id), (str(one[0]), str(one[1]))
        named[message_id] = found if known is None else min(known, found, key=_place)
    return named


def _place(named: tuple[str, str]) -> tuple[bool, str, str]:
    external_id, source = named
    return external_id.startswith(PREFIX), source, external_id
