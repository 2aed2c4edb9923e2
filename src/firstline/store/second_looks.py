"""Second looks: a message that has a label is labelled again by a person who does not see that label.

Either to measure how far people agree (`twice`), or because the other labels contradict the label (`suspect`). The
first label stays in force until a lead decides.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from firstline.errors import LeaseLost
from firstline.store.leases import has_row
from firstline.store.messages import now
from firstline.store.schema import in_force, labels, messages, second_labels, suggestions, users

TWICE, SUSPECT = "twice", "suspect"
SECOND_LOOKS = (TWICE, SUSPECT)
"""The reasons of the queue that ask for a second look."""
_is_second = suggestions.c.reason.in_(SECOND_LOOKS)
_of_message = and_(labels.c.message_id == suggestions.c.message_id, in_force)
_HELD = select(
    second_labels.c.id, second_labels.c.message_id, second_labels.c.class_id, second_labels.c.at, messages.c.text
).join_from(second_labels, messages)


@dataclass(frozen=True)
class Look:
    """A second look that waits: its reason, and the label in force, whose author may be unknown."""

    reason: str
    first_class: int
    first_by: str | None


def still_waits() -> ColumnElement[bool]:
    """Whether a message of the queue has no label; for a second look, whether it has exactly one and none was taken."""
    n_labels = select(func.count()).where(_of_message).correlate(suggestions).scalar_subquery()
    taken = has_row(
        second_labels,
        second_labels.c.message_id == suggestions.c.message_id,
        second_labels.c.reason == suggestions.c.reason,
    )
    return or_(and_(~_is_second, ~has_row(labels, _of_message)), and_(_is_second, n_labels == 1, ~taken))


def may_look(who: str) -> ColumnElement[bool]:
    """Whether a person may label a message of the queue: nobody looks a second time at their own label.

    Suspects are shown to their author if nobody else uses the console, and to anyone if their author is unknown.
    """
    n_people = select(func.count()).select_from(users).where(users.c.disabled_at.is_(None)).scalar_subquery()
    others = has_row(labels, _of_message, labels.c.by != who)
    mine = has_row(labels, _of_message, labels.c.by == who)
    is_suspect = suggestions.c.reason == SUSPECT
    return or_(~_is_second, others, and_(is_suspect, or_(~mine, n_people <= 1)))


def look_at(connection: Connection, message_id: int) -> Look | None:
    """The second look that a message of the queue waits for; None if it waits for its first label.

    Raises `LeaseLost` if there is nothing to look at any more: somebody was faster, or the label was changed.
    """
    reason = connection.execute(
        select(suggestions.c.reason).where(suggestions.c.message_id == message_id, _is_second)
    ).scalar()
    held = select(labels.c.class_id, labels.c.by).where(labels.c.message_id == message_id, in_force)
    found = connection.execute(held).all() if reason else []
    if not reason or not found:
        return None
    taken = and_(second_labels.c.message_id == message_id, second_labels.c.reason == reason)
    if len(found) > 1 or connection.execute(select(second_labels.c.id).where(taken)).first():
        raise LeaseLost("The label of this message was changed, or looked at by somebody else.", "Nothing was saved.")
    return Look(reason, *found[0])


def add_second_label(connection: Connection, who: str, message_id: int, class_id: int, look: Look) -> None:
    """Store a second label. A suspect that gets the same label again is settled; any other difference is a lead's."""
    at = now()
    is_confirmed = look.reason == SUSPECT and class_id == look.first_class
    values = {
        "message_id": message_id,
        "first_class": look.first_class,
        "first_by": look.first_by,
        "class_id": class_id,
        "who": who,
        "at": at,
        "reason": look.reason,
        "settled_at": at if is_confirmed else None,
    }
    connection.execute(second_labels.insert().values(values))


def second_labels_of(who: str, n: int, *conditions: ColumnElement[bool]) -> Select[Any]:
    """The last second labels of a person: id, message, class, time, text; the newest first."""
    return _HELD.where(second_labels.c.who == who, *conditions).order_by(second_labels.c.id.desc()).limit(n)


def take_back_second(connection: Connection, who: str, label_id: int) -> Look:
    """Delete a second label, and let its message wait for another one. Returns what was looked at.

    Raises `LeaseLost` if it is not theirs, or a lead has settled it.
    """
    mine = and_(second_labels.c.id == label_id, second_labels.c.who == who)
    is_open = or_(second_labels.c.settled_at.is_(None), second_labels.c.settled_by.is_(None))
    row = connection.execute(select(second_labels).where(mine, is_open).with_for_update()).mappings().first()
    if row is None:
        raise LeaseLost("This label cannot be taken back: it is not yours, or it was settled since.", "")
    connection.execute(second_labels.delete().where(second_labels.c.id == label_id))
    _queue_again(connection, row["message_id"], row["reason"])
    return Look(row["reason"], row["first_class"], row["first_by"])


def count_second_since(connection: Connection, since: datetime, who: str | None = None) -> int:
    """How many second labels were given since then, UTC; by this person, or by all."""
    counted = select(func.count()).where(second_labels.c.at >= since)
    return connection.execute(counted if who is None else counted.where(second_labels.c.who == who)).scalar_one()


def _queue_again(connection: Connection, message_id: int, reason: str) -> None:
    """The queue may have been written anew since the message was shown."""
    here = suggestions.c.message_id == message_id
    if not connection.execute(suggestions.update().where(here).values(reason=reason)).rowcount:
        values = {"message_id": message_id, "rank": 0, "reason": reason, "is_random": False, "guesses": "[]"}
        connection.execute(suggestions.insert().values(values))
