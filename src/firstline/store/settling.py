"""A lead decides about a message, and may take the decision back.

All that one decision changes has the same time: the labels that it supersedes, the lead's own label, and the marks that
second labels and remarks are settled. So the time finds it again, and undoing it restores what was before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from firstline.errors import CaseChanged
from firstline.store.cases import is_open_second, is_open_unsure, read_case
from firstline.store.messages import insert_new, now
from firstline.store.schema import classes, in_force, in_use, labels, messages, remarks, second_labels, suggestions
from firstline.types import Label

SOURCE = "settled"
"""The source of labels that a lead gave here."""
_UNDO_WITHIN = timedelta(hours=12)
_LOOK_AGAIN = "Look at it again."


@dataclass(frozen=True)
class Settled:
    """A decision: the class that a message has since, and when it was taken, UTC. `text` is masked."""

    message_id: int
    at: datetime
    class_id: int
    label: Label
    text: str


def settle(connection: Connection, who: str, message_id: int, class_id: int, seen: str) -> Settled:
    """Decide which class a message has; `seen` is that of the `Case` that the person looked at.

    If the message has this label already, and no other, its label stays as it is. The same decision sent again is the
    one that was taken. Raises `CaseChanged`: the message is "gone", the case has "changed" or was "settled" by somebody
    else, or the class is out of use ("class").
    """
    _lock(connection, message_id)
    case = read_case(connection, message_id)
    if case is None or case.seen != seen:
        earlier = _decisions(connection, who, message_id)
        if earlier and earlier[0].class_id == class_id and not _has_changed(connection, earlier[0]):
            return earlier[0]
        if case is None:
            raise CaseChanged("settled", "Nothing is left to decide about this message.", "Take the next one.")
        raise CaseChanged("changed", "The message has changed since you opened it.", _LOOK_AGAIN)
    if connection.execute(select(classes.c.id).where(classes.c.id == class_id, in_use)).scalar() is None:
        raise CaseChanged("class", "The class is not in use any more.", "Choose another one.")
    at = now()
    _give(connection, who, message_id, class_id, at)
    for table, is_open in ((second_labels, is_open_second), (remarks, is_open_unsure)):
        marked = table.update().where(table.c.message_id == message_id, is_open)
        connection.execute(marked.values(settled_at=at, settled_by=who))
    return _decisions(connection, who, message_id)[0]


def take_back_decision(connection: Connection, who: str, message_id: int, at: datetime) -> Settled:
    """Take back what this person decided about a message at this time; returns it.

    The lead's label stays in the history. Raises `CaseChanged`: the message is "gone", the decision was "undone"
    already or is not theirs, or the message has "changed" since.
    """
    _lock(connection, message_id)
    found = next((one for one in _decisions(connection, who, message_id) if one.at == at), None)
    if found is None:
        raise CaseChanged("undone", "This decision does not hold any more.", "")
    if _has_changed(connection, found):
        raise CaseChanged("changed", "The message has changed since you decided about it.", _LOOK_AGAIN)
    own = and_(labels.c.message_id == message_id, _own(who), labels.c.at == at, in_force)
    connection.execute(labels.update().where(own).values(superseded_at=now()))
    before = and_(labels.c.message_id == message_id, labels.c.superseded_at == at)
    connection.execute(labels.update().where(before).values(superseded_at=None, superseded_by=None))
    for table in (second_labels, remarks):
        marked = and_(table.c.message_id == message_id, table.c.settled_at == at, table.c.settled_by == who)
        connection.execute(table.update().where(marked).values(settled_at=None, settled_by=None))
    return found


def last_decision(connection: Connection, who: str) -> Settled | None:
    """What this person decided last, within twelve hours, and can take back; None if there is nothing."""
    since = now() - _UNDO_WITHIN
    own = select(labels.c.message_id, labels.c.at).where(_own(who), in_force, labels.c.at > since)
    rows = [connection.execute(own.order_by(labels.c.at.desc()).limit(1)).first()]
    for table in (second_labels, remarks):
        settled = and_(table.c.settled_by == who, table.c.settled_at > since)
        wanted = select(table.c.message_id, table.c.settled_at).where(settled)
        rows.append(connection.execute(wanted.order_by(table.c.settled_at.desc()).limit(1)).first())
    latest = max((row for row in rows if row), key=lambda row: row[1], default=None)
    if latest is None:
        return None
    found = _decisions(connection, who, latest[0])
    return found[0] if found and not _has_changed(connection, found[0]) else None


def _lock(connection: Connection, message_id: int) -> None:
    """Let nobody else decide about the message meanwhile. Imports that add labels do not wait."""
    locked = select(messages.c.id).where(messages.c.id == message_id).with_for_update(key_share=True)
    if connection.execute(locked).scalar() is None:
        raise CaseChanged("gone", "This message has been deleted.", "Take the next one.")


def _give(connection: Connection, who: str, message_id: int, class_id: int, at: datetime) -> None:
    """Make the class the only label in force. A label of this class that stands alone is left as it is."""
    of_message = and_(labels.c.message_id == message_id, in_force)
    held = connection.execute(select(labels.c.id, labels.c.class_id, labels.c.is_random).where(of_message)).all()
    if [one.class_id for one in held] == [class_id]:
        return
    places = [one.id for one in held]
    connection.execute(labels.update().where(labels.c.id.in_(places)).values(superseded_at=at))
    drawn = select(suggestions.c.is_random).where(suggestions.c.message_id == message_id)
    is_random = any(one.is_random for one in held) if held else bool(connection.execute(drawn).scalar())
    row = {
        "message_id": message_id,
        "class_id": class_id,
        "source": SOURCE,
        "by": who,
        "at": at,
        "is_random": is_random,
    }
    # An import may give the message this very label at the same time.
    insert_new(connection, labels, [{**row, "is_random": is_random}])
    new = connection.execute(select(labels.c.id).where(of_message, labels.c.class_id == class_id)).scalar_one()
    connection.execute(labels.update().where(labels.c.id.in_(places)).values(superseded_by=new))


def _decisions(connection: Connection, who: str, message_id: int) -> list[Settled]:
    """What this person decided about a message and did not take back, the last first, with the label of today."""
    given = select(labels.c.at).where(labels.c.message_id == message_id, _own(who), in_force)
    times: set[datetime] = set(connection.execute(given).scalars())
    for table in (second_labels, remarks):
        settled = select(table.c.settled_at).where(table.c.message_id == message_id, table.c.settled_by == who)
        times.update(connection.execute(settled).scalars())
    holds = (
        select(labels.c.class_id, classes.c.name, messages.c.text)
        .join_from(labels, messages)
        .join(classes, classes.c.id == labels.c.class_id)
        .where(labels.c.message_id == message_id, in_force)
        .order_by(labels.c.id.desc())
    )
    label = connection.execute(holds.limit(1)).first()
    if label is None:
        return []
    return [Settled(message_id, at, *label) for at in sorted(times, reverse=True)]


def _own(who: str) -> ColumnElement[bool]:
    """The labels that a person gave by deciding, without copies that an import made for another message."""
    return and_(labels.c.by == who, labels.c.source == SOURCE, labels.c.import_id.is_(None))


def _has_changed(connection: Connection, one: Settled) -> bool:
    """Whether anything has happened to the labels of the message since the decision, or its label is not alone."""
    for table, *columns in (
        (labels, labels.c.at, labels.c.superseded_at),
        (second_labels, second_labels.c.at, second_labels.c.settled_at),
        (remarks, remarks.c.settled_at),
    ):
        later = or_(*(column > one.at for column in columns))
        if connection.execute(select(table.c.id).where(table.c.message_id == one.message_id, later).limit(1)).first():
            return True
    held = select(labels.c.id).where(labels.c.message_id == one.message_id, in_force)
    return len(connection.execute(held).all()) != 1
