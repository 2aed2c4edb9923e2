"""The queue as one person sees it: messages that nobody else has, labels, and what else they say.

A message is leased to whoever sees it. A label without its sender's lease is refused, so that no message is labelled by
two people at once, and nobody's label is lost unnoticed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, exists, func, or_, select

from firstline.errors import LeaseLost
from firstline.store.classes import require_in_use
from firstline.store.leases import LEASE_S, end_leases, has_lease, has_row, is_leased, lease_messages, lost
from firstline.store.messages import insert_new, now
from firstline.store.recorded import is_recorded
from firstline.store.schema import (
    classes,
    holds,
    in_force,
    in_use,
    labels,
    leases,
    messages,
    remarks,
    second_labels,
    suggestions,
)
from firstline.store.second_looks import (
    SECOND_LOOKS,
    add_second_label,
    count_second_since,
    look_at,
    may_look,
    second_labels_of,
    still_waits,
    take_back_second,
)
from firstline.types import Label, Message

SOURCE = "console"
SECOND = "second-"
"""Begins the `ref` of a second label."""
SKIPPED_S = 12 * 3_600
"""How long a person does not see a message again that they skipped."""
RANDOM = "random"
"""The reason of a message that was drawn at random."""
_KEPT_S = 120
"""How long a random message stays in the queue after its label, for whoever takes the label back."""
_RENEWED_S = 60
"""A lease that began later is not lengthened yet."""
_TRIES = 3
"""Others may lease the same messages at the same moment."""
_KEY_BYTES = 16
Kind: TypeAlias = Literal["skip", "unsure", "note"]
_GIVEN = select(labels.c.id, labels.c.message_id, labels.c.class_id, labels.c.at, messages.c.text).join_from(
    labels, messages
)


@dataclass(frozen=True)
class Suggested:
    """One row of the queue, as the worker writes it.

    `rank` is its place, the lowest first; `reason` is a stable code. `guesses` are class ids with shares, 0 to 1, the
    likeliest first; a share of 0 is not known.
    """

    message_id: int
    rank: int
    reason: str
    guesses: Sequence[tuple[int, float]] = ()
    cluster: int | None = None
    is_random: bool = False

    @property
    def is_second_look(self) -> bool:
        """Whether the message has a label already, which is not shown."""
        return self.reason in SECOND_LOOKS


@dataclass(frozen=True)
class Waiting:
    """A message that waits for a label, leased to whoever asked."""

    suggested: Suggested
    message: Message
    sent_at: datetime | None


@dataclass(frozen=True)
class Given:
    """A label that a person gave; `text` is that of the message, masked.

    A second label (`is_second`) is a row of `second_labels`, which has ids of its own.
    """

    id: int
    message_id: int
    class_id: int
    at: datetime | None
    text: str
    is_second: bool = False

    @property
    def ref(self) -> str:
        """Its id as the page keeps it: `12`, or `second-12`."""
        return f"{SECOND if self.is_second else ''}{self.id}"


@dataclass(frozen=True)
class ClassInUse:
    """A class that a message can get."""

    id: int
    name: Label
    description: str


def classes_in_use(connection: Connection) -> list[ClassInUse]:
    """The classes that can be given, by name, so that each stays at its place."""
    rows = connection.execute(
        select(classes.c.id, classes.c.name, func.coalesce(classes.c.description, "")).where(in_use)
    )
    return sorted((ClassInUse(*row) for row in rows), key=lambda one: one.name.casefold())


def examples_of(connection: Connection, class_id: int, n: int) -> list[str]:
    """The masked texts of the last `n` messages that got this class, the newest first.

    Without those that somebody sees now: whoever takes a second look is not to find the first label here.
    """
    is_seen = exists().where(leases.c.message_id == labels.c.message_id)
    wanted = select(messages.c.text).join_from(labels, messages).where(labels.c.class_id == class_id, in_force)
    wanted = wanted.where(~is_seen)
    return list(connection.execute(wanted.order_by(labels.c.id.desc()).limit(n)).scalars())


def write_queue(connection: Connection, rows: Sequence[Suggested]) -> None:
    """Replace the queue, but for what somebody sees now, so that nobody's screen changes."""
    is_seen = exists().where(leases.c.message_id == suggestions.c.message_id, leases.c.until > now())
    connection.execute(suggestions.delete().where(~is_seen))
    _add(connection, rows)


def fill_at_random(connection: Connection, n: int) -> int:
    """Let up to `n` more messages without a label wait, drawn at random; returns how many.

    For a workspace whose queue no worker has written. Keys are hashes, so their order is a random one. Each draw begins
    at another place, so that it need not pass all that is labelled, and people do not wait for each other. What was
    drawn and labelled two minutes ago leaves the queue, which would grow otherwise. Messages that came from the service
    are left out: they are the difficult ones, no fair sample.
    """
    before = now() - timedelta(seconds=_KEPT_S)
    is_old = has_row(labels, labels.c.message_id == suggestions.c.message_id, in_force, labels.c.at < before)
    connection.execute(suggestions.delete().where(suggestions.c.reason == RANDOM, is_old))
    is_labelled = exists().where(labels.c.message_id == messages.c.id, in_force)
    is_waiting = exists().where(suggestions.c.message_id == messages.c.id)
    drawn = select(messages.c.id).where(~is_labelled, ~is_waiting, ~is_recorded()).order_by(messages.c.key)
    last = connection.execute(select(func.coalesce(func.max(suggestions.c.rank), -1))).scalar_one()
    ids: list[int] = []
    start = token_bytes(_KEY_BYTES)
    for part in (messages.c.key >= start, messages.c.key < start):
        ids += connection.execute(drawn.where(part).limit(n - len(ids))).scalars()
    write = [Suggested(one, last + 1 + place, RANDOM, is_random=True) for place, one in enumerate(ids)]
    _add(connection, write)
    return len(write)


def lease_next(connection: Connection, who: str, n: int) -> list[Waiting]:
    """The next at most `n` messages for a person, leased to them for ten minutes; first those that they have."""
    moment = now()
    waiting = (
        select(suggestions, messages.c.text, messages.c.segment, messages.c.sent_at)
        .join_from(suggestions, messages)
        .where(still_waits(), may_look(who), ~_is_put_off(who, moment))
        .order_by(suggestions.c.rank)
        .with_for_update(of=suggestions, skip_locked=True)
    )
    # Two questions, each of which an index answers: one for both would look at the whole queue.
    mine = waiting.join(leases, leases.c.message_id == suggestions.c.message_id).where(leases.c.who == who)
    rows = connection.execute(mine.add_columns(leases.c.until).limit(n)).mappings().all()
    is_fresh = {row["message_id"]: row["until"] > moment + timedelta(seconds=LEASE_S - _RENEWED_S) for row in rows}
    leased = lease_messages(connection, who, [one for one, fresh in is_fresh.items() if not fresh], moment)
    found = [_waiting(row) for row in rows if is_fresh[row["message_id"]] or row["message_id"] in leased]
    others = waiting.where(~is_leased(who, moment))
    for _ in range(_TRIES):
        if len(found) == n:
            break
        rows = connection.execute(others.limit(n - len(found))).mappings().all()
        leased = lease_messages(connection, who, [row["message_id"] for row in rows], moment)
        found += [_waiting(row) for row in rows if row["message_id"] in leased]
        if len(leased) == len(rows):
            break
    return found


def _waiting(row: RowMapping) -> Waiting:
    guesses = [(int(class_id), float(share)) for class_id, share in json.loads(row["guesses"])]
    suggested = Suggested(row["message_id"], row["rank"], row["reason"], guesses, row["cluster"], row["is_random"])
    return Waiting(suggested, Message(row["text"], row["segment"]), row["sent_at"])


def count_waiting(connection: Connection) -> dict[str, int]:
    """How many messages of the queue wait, by reason, the most first."""
    counted = select(suggestions.c.reason, func.count()).where(still_waits()).group_by(suggestions.c.reason)
    rows = connection.execute(counted.order_by(func.count().desc(), suggestions.c.reason))
    return dict(rows.all())


def give_label(connection: Connection, who: str, message_id: int, class_id: int) -> Given:
    """Label a message that is leased to this person; the same label again is the one that was given.

    If the message has a label already, this is a second label, which leaves the first one as it is. Raises `LeaseLost`
    if it is not leased to them or if the first label was changed meanwhile, and `ClassGone` if the class is not in use.
    """
    if not has_lease(connection, who, message_id):
        given = _given_again(connection, who, message_id, class_id)
        if given is None:
            raise lost()
        return given
    require_in_use(connection, class_id)
    look = look_at(connection, message_id)
    if look is not None:
        add_second_label(connection, who, message_id, class_id, look)
        end_leases(connection, who, [message_id])
        return _given_second(connection, who, second_labels.c.message_id == message_id)[0]
    is_random = select(suggestions.c.is_random).where(suggestions.c.message_id == message_id)
    values = {
        "message_id": message_id,
        "class_id": class_id,
        "source": SOURCE,
        "by": who,
        "at": now(),
        "is_random": bool(connection.execute(is_random).scalar()),
    }
    # An import may have given the message this very label meanwhile.
    insert_new(connection, labels, [values])
    end_leases(connection, who, [message_id])
    holds = _GIVEN.where(labels.c.message_id == message_id, labels.c.class_id == class_id, in_force)
    return Given(*connection.execute(holds).one())


def take_back(connection: Connection, who: str, label_id: int, *, is_second: bool = False) -> Given:
    """Take back a label, or a second label, that this person gave here, and lease the message to them again.

    Raises `LeaseLost` if it is not theirs, or does not hold any more.
    """
    if is_second:
        found = _given_second(connection, who, second_labels.c.id == label_id)
        take_back_second(connection, who, label_id)
    else:
        found = _given(connection, who, labels.c.id == label_id)
        if not found:
            raise LeaseLost("This label cannot be taken back: it is not yours, or it was changed since.", "")
        connection.execute(labels.update().where(labels.c.id == label_id).values(superseded_at=now()))
    lease_messages(connection, who, [found[0].message_id], now())
    return found[0]


def was_taken_back(connection: Connection, who: str, message_id: int, *, is_second: bool = False) -> bool:
    """Whether a message waits for this person's label, or second label, again, as it does after `take_back`."""
    holds = select(labels.c.id).where(labels.c.message_id == message_id, in_force).exists()
    has_label = bool(connection.execute(select(holds)).scalar())
    return has_label == is_second and has_lease(connection, who, message_id)


def last_given(connection: Connection, who: str, n: int) -> list[Given]:
    """The last labels that this person gave here and that hold, the newest first."""
    found = [*_given(connection, who, n=n), *_given_second(connection, who, n=n)]
    return sorted(found, key=lambda one: one.at or datetime.min, reverse=True)[:n]


def remark(connection: Connection, who: str, message_id: int, kind: Kind, text: str | None = None) -> None:
    """Skip a message, leave it to a lead, or write a note about it; `text` is masked. Raises `LeaseLost`.

    A skipped message comes back to the same person after half a day, and to others at once.
    """
    _require_lease(connection, who, message_id)
    values = {"message_id": message_id, "who": who, "at": now(), "kind": kind, "text": text}
    connection.execute(remarks.insert().values(values))
    if kind != "note":
        end_leases(connection, who, [message_id])


def count_given_since(connection: Connection, who: str, since: datetime) -> int:
    """How many labels of this person hold that they gave here since then, UTC; second labels count."""
    mine = and_(labels.c.by == who, labels.c.source == SOURCE, holds, labels.c.at >= since)
    n_first: int = connection.execute(select(func.count()).where(mine)).scalar_one()
    return n_first + count_second_since(connection, since, who)


def _add(connection: Connection, rows: Sequence[Suggested]) -> None:
    values = [
        {
            "message_id": one.message_id,
            "rank": one.rank,
            "reason": one.reason,
            "cluster": one.cluster,
            "is_random": one.is_random,
            "guesses": json.dumps([[class_id, round(share, 4)] for class_id, share in one.guesses]),
        }
        # In one order, or two that insert the same messages could wait for each other.
        for one in sorted(rows, key=lambda one: one.message_id)
    ]
    insert_new(connection, suggestions, values)


def count_given_after(connection: Connection, moment: datetime) -> int:
    """How many labels of all people hold that were given here after a time, UTC; second labels count."""
    given = and_(labels.c.by.is_not(None), labels.c.source == SOURCE, in_force, labels.c.at > moment)
    n_first: int = connection.execute(select(func.count()).where(given)).scalar_one()
    return n_first + count_second_since(connection, moment)


def _given(connection: Connection, who: str, *conditions: ColumnElement[bool], n: int = 1) -> list[Given]:
    mine = and_(labels.c.by == who, labels.c.source == SOURCE, in_force, *conditions)
    rows = connection.execute(_GIVEN.where(mine).order_by(labels.c.id.desc()).limit(n))
    return [Given(*row) for row in rows]


def _given_second(connection: Connection, who: str, *conditions: ColumnElement[bool], n: int = 1) -> list[Given]:
    rows = connection.execute(second_labels_of(who, n, *conditions)).mappings()
    return [Given(**row, is_second=True) for row in rows]


def _given_again(connection: Connection, who: str, message_id: int, class_id: int) -> Given | None:
    """What this person gave a message, if it is this class: its answer was lost on the way, so it is sent again."""
    second = and_(second_labels.c.message_id == message_id, second_labels.c.class_id == class_id)
    first = and_(labels.c.message_id == message_id, labels.c.class_id == class_id)
    found = _given_second(connection, who, second) or _given(connection, who, first)
    return found[0] if found else None


def _is_put_off(who: str, moment: datetime) -> ColumnElement[bool]:
    """Whether a lead has to look at it, or this person has skipped it."""
    skipped = and_(remarks.c.kind == "skip", remarks.c.who == who, remarks.c.at > moment - timedelta(seconds=SKIPPED_S))
    unsure = and_(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    return has_row(remarks, remarks.c.message_id == suggestions.c.message_id, or_(skipped, unsure))


def _require_lease(connection: Connection, who: str, message_id: int) -> None:
    if not has_lease(connection, who, message_id):
        raise lost()
