"""Clusters of messages that are alike, as one person sees them, and labels that are given to many messages at once.

The leases are those of `store/labelling.py`: whoever sees a cluster has its messages, and nobody else labels them. What
is done to a cluster at once has one time, by which it is undone at once.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, or_, select

from firstline.errors import LeaseLost
from firstline.store.classes import require_in_use
from firstline.store.labelling import SKIPPED_S, SOURCE
from firstline.store.leases import LEASE_S, end_leases, lease_messages
from firstline.store.messages import insert_new, now
from firstline.store.schema import (
    cluster_messages,
    clusters,
    in_force,
    labels,
    leases,
    messages,
    remarks,
    suggestions,
)
from firstline.types import Message

MOST_ROWS = 30
"""So many messages of a cluster are shown."""
FEWEST_ROWS = 4
"""What has fewer messages left is no longer shown."""
APART = "apart"
"""A remark: this person does not want to see the message in a cluster for half a day. The queue still asks for it."""


@dataclass(frozen=True)
class Clustered:
    """A cluster, as the worker writes it, the lowest `rank` first.

    `members` are message ids with their similarity to the centre, -1 to 1. `class_id` is suggested, None if it is
    unclear, and `share` is how likely it is, 0 to 1. `words` set the cluster apart.
    """

    rank: int
    members: Sequence[tuple[int, float]]
    class_id: int | None
    share: float | None
    words: Sequence[str]


@dataclass(frozen=True)
class Member:
    """A message of a cluster; `similarity` is to the centre, -1 to 1."""

    message_id: int
    message: Message
    similarity: float


@dataclass(frozen=True)
class Shown:
    """A cluster that is leased to whoever asked, the most alike messages first.

    `n_left` counts the clusters that wait for this person, this one included.
    """

    id: int
    class_id: int | None
    share: float | None
    words: list[str]
    members: list[Member]
    n_left: int


@dataclass(frozen=True)
class Together:
    """What came of labels that were given at once: message ids. `at` is the time by which they are undone."""

    at: datetime
    saved: list[int]
    lost: list[int]


@dataclass(frozen=True)
class Done:
    """What a person did at one time: labels that hold, of one class, labels that were taken back, and put apart."""

    n_given: int
    class_id: int | None
    n_taken_back: int
    n_apart: int


def write_clusters(connection: Connection, rows: Sequence[Clustered]) -> None:
    """Replace the clusters, but for those that somebody sees now, or has labelled just now and may want back."""
    moment = now()
    seen = select(cluster_messages.c.cluster_id).join_from(
        cluster_messages, leases, leases.c.message_id == cluster_messages.c.message_id
    )
    seen = seen.where(leases.c.until > moment).group_by(cluster_messages.c.cluster_id, leases.c.who)
    given = select(cluster_messages.c.cluster_id).join_from(
        cluster_messages, labels, labels.c.message_id == cluster_messages.c.message_id
    )
    is_new = and_(in_force, labels.c.source == SOURCE, labels.c.at > moment - timedelta(seconds=LEASE_S))
    given = given.where(is_new).group_by(cluster_messages.c.cluster_id, labels.c.by, labels.c.at)
    kept: set[int] = set()
    # The labelling page leases and labels single messages, too; a few of them keep no cluster.
    for wanted, least in ((seen, FEWEST_ROWS), (given, 2)):
        kept.update(connection.execute(wanted.having(func.count() >= least)).scalars())
    connection.execute(cluster_messages.delete().where(cluster_messages.c.cluster_id.not_in(kept)))
    connection.execute(clusters.delete().where(clusters.c.id.not_in(kept)))
    for one in rows:
        words = json.dumps(list(one.words), ensure_ascii=False)
        values = {"rank": one.rank, "class_id": one.class_id, "share": one.share, "words": words}
        written = connection.execute(clusters.insert().values(values).returning(clusters.c.id)).scalar_one()
        members = [
            {"message_id": message_id, "cluster_id": written, "similarity": similarity}
            for message_id, similarity in one.members
        ]
        insert_new(connection, cluster_messages, members)


def lease_cluster(connection: Connection, who: str, wanted: int | None = None) -> Shown | None:
    """The next cluster for a person, with its messages leased to them; None if none is left.

    `wanted` is the id of a cluster that comes first, if enough of it is left.
    """
    moment = now()
    is_open = _is_open(who, moment)
    counted = (
        select(clusters.c.id, clusters.c.class_id, clusters.c.share, clusters.c.words)
        .join_from(clusters, cluster_messages)
        .where(is_open)
        .group_by(clusters.c.id)
        .having(func.count() >= FEWEST_ROWS)
        .order_by(clusters.c.id != wanted, clusters.c.rank, clusters.c.id)
    )
    found = connection.execute(counted).all()
    for cluster_id, class_id, share, words in found:
        members = _lease_members(connection, who, cluster_id, is_open, moment)
        if len(members) >= FEWEST_ROWS:
            return Shown(cluster_id, class_id, share, [str(word) for word in json.loads(words)], members, len(found))
    return None


def label_together(
    connection: Connection, who: str, class_id: int, ticked: Collection[int], unticked: Collection[int]
) -> Together:
    """Label the ticked messages that are leased to this person and have no label yet; the others are lost.

    Unticked ones get no label and are free again. The same labels once more are those that were given. Raises
    `ClassGone` if the class is not in use.
    """
    before = _given(who, labels.c.message_id.in_(ticked), labels.c.class_id == class_id)
    given = {row.message_id: row.at for row in connection.execute(before)}
    require_in_use(connection, class_id)
    moment = now()
    mine = and_(leases.c.message_id.in_(ticked), leases.c.who == who, leases.c.until > moment)
    held = connection.execute(
        select(leases.c.message_id).where(mine).order_by(leases.c.message_id).with_for_update()
    ).scalars()
    # An import may have labelled some meanwhile.
    closed = select(labels.c.message_id).where(labels.c.message_id.in_(ticked), in_force)
    new = sorted(set(held) - set(connection.execute(closed).scalars()))
    common = {"class_id": class_id, "source": SOURCE, "by": who, "at": moment, "is_random": False}
    insert_new(connection, labels, [{"message_id": one, **common} for one in new])
    _put_apart(connection, who, unticked, moment)
    end_leases(connection, who, new)
    saved = sorted({*new, *given})
    at = moment if new or not given else max(given.values())
    return Together(at, saved, sorted(set(ticked) - set(saved)))


def skip_together(connection: Connection, who: str, message_ids: Collection[int]) -> datetime:
    """Do not show these messages in a cluster to this person for half a day; returns the time to undo it by."""
    moment = now()
    _put_apart(connection, who, message_ids, moment)
    return moment


def undo_together(connection: Connection, who: str, at: datetime) -> int | None:
    """Take back what this person did at one time, and lease the messages to them again.

    Returns the id of the cluster that they are in, None if it is gone. Raises `LeaseLost` if nothing is left to undo.
    """
    given = [(row.id, row.message_id) for row in connection.execute(_given(who, labels.c.at == at))]
    apart = _apart(who, at)
    set_apart = connection.execute(select(remarks.c.message_id).where(apart)).scalars().all()
    if not given and not set_apart:
        raise LeaseLost("There is nothing to undo: it was undone already, or changed since.", "")
    superseded = labels.c.id.in_([label_id for label_id, _ in given])
    connection.execute(labels.update().where(superseded).values(superseded_at=now()))
    connection.execute(remarks.delete().where(apart))
    back = [*(message_id for _, message_id in given), *set_apart]
    lease_messages(connection, who, back, now())
    inside = select(cluster_messages.c.cluster_id).where(cluster_messages.c.message_id.in_(back))
    found: int | None = connection.execute(inside.group_by(cluster_messages.c.cluster_id).limit(1)).scalar()
    return found


def keep_leases(connection: Connection, who: str, message_ids: Collection[int]) -> set[int]:
    """Lengthen the leases that this person has on messages; returns the messages that are still theirs."""
    mine = select(leases.c.message_id).where(leases.c.message_id.in_(message_ids), leases.c.who == who)
    return lease_messages(connection, who, set(connection.execute(mine).scalars()), now())


def done_at(connection: Connection, who: str, at: datetime) -> Done:
    """What a person did at one time here."""
    given = connection.execute(_given(who, labels.c.at == at)).all()
    back = and_(labels.c.by == who, labels.c.source == SOURCE, labels.c.at == at, ~in_force)
    n_back = connection.execute(select(func.count()).select_from(labels).where(back)).scalar_one()
    n_apart = connection.execute(select(func.count()).select_from(remarks).where(_apart(who, at))).scalar_one()
    return Done(len(given), given[0].class_id if given else None, n_back, n_apart)


def last_together(connection: Connection, who: str) -> datetime | None:
    """When this person last labelled several messages at once, if that is the last thing that they labelled."""
    last = connection.execute(_given(who).order_by(labels.c.id.desc()).limit(1)).first()
    if last is None or last.at is None:
        return None
    n = len(connection.execute(_given(who, labels.c.at == last.at).limit(2)).all())
    at: datetime = last.at
    return at if n > 1 else None


def texts_of(connection: Connection, message_ids: Collection[int]) -> list[str]:
    """The masked texts of messages, by their ids."""
    wanted = select(messages.c.text).where(messages.c.id.in_(message_ids)).order_by(messages.c.id)
    return list(connection.execute(wanted).scalars())


def _lease_members(
    connection: Connection, who: str, cluster_id: int, is_open: ColumnElement[bool], moment: datetime
) -> list[Member]:
    wanted = (
        select(cluster_messages.c.message_id, cluster_messages.c.similarity, messages.c.text, messages.c.segment)
        .join_from(cluster_messages, messages)
        .where(cluster_messages.c.cluster_id == cluster_id, is_open)
        .order_by(cluster_messages.c.similarity.desc(), cluster_messages.c.message_id)
        .limit(MOST_ROWS)
        .with_for_update(of=cluster_messages, skip_locked=True)
    )
    rows = connection.execute(wanted)
    found = [Member(row.message_id, Message(row.text, row.segment), row.similarity) for row in rows]
    if len(found) < FEWEST_ROWS:
        return []
    mine = lease_messages(connection, who, [one.message_id for one in found], moment)
    return [one for one in found if one.message_id in mine]


def _is_open(who: str, moment: datetime) -> ColumnElement[bool]:
    """Whether a message of a cluster waits for this person. One drawn at random is labelled on its own, unswayed."""
    message_id = cluster_messages.c.message_id
    recent = moment - timedelta(seconds=SKIPPED_S)
    put_off = and_(remarks.c.kind.in_(("skip", APART)), remarks.c.who == who, remarks.c.at > recent)
    unsure = and_(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    return and_(
        ~exists().where(labels.c.message_id == message_id, in_force),
        ~exists().where(leases.c.message_id == message_id, leases.c.who != who, leases.c.until > moment),
        ~exists().where(remarks.c.message_id == message_id, or_(put_off, unsure)),
        ~exists().where(suggestions.c.message_id == message_id, suggestions.c.is_random),
    )


def _put_apart(connection: Connection, who: str, message_ids: Collection[int], moment: datetime) -> None:
    """Note that these do not belong together, and free them. Those that are somebody else's by now stay as they are."""
    mine = select(leases.c.message_id).where(leases.c.message_id.in_(message_ids), leases.c.who == who)
    found = sorted(connection.execute(mine).scalars())
    rows = [{"message_id": one, "who": who, "at": moment, "kind": APART, "text": None} for one in found]
    insert_new(connection, remarks, rows)
    end_leases(connection, who, found)


def _apart(who: str, at: datetime) -> ColumnElement[bool]:
    """What was put apart at one time, of the clusters that there are: remarks are found by their messages alone."""
    inside = remarks.c.message_id.in_(select(cluster_messages.c.message_id))
    return and_(inside, remarks.c.who == who, remarks.c.at == at, remarks.c.kind == APART)


def _given(who: str, *conditions: ColumnElement[bool]) -> Select[tuple[Any, Any, Any, Any]]:
    wanted = select(labels.c.id, labels.c.message_id, labels.c.class_id, labels.c.at)
    return wanted.where(labels.c.by == who, labels.c.source == SOURCE, in_force, *conditions)
