"""Leases: a message is kept for whoever sees it, so that no two people label it at once."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from firstline.errors import LeaseLost
from firstline.store.messages import now
from firstline.store.schema import leases, suggestions

LEASE_S = 600
"""How long a message is kept for whoever sees it."""


def has_row(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of the queue has a row in another table.

    Without the offset, PostgreSQL may read the whole table at once, as if ten rows were not enough.
    """
    return select(table.c.message_id).where(*conditions).correlate(suggestions).offset(0).exists()


def is_leased(who: str, moment: datetime) -> ColumnElement[bool]:
    """Whether anybody sees a message of the queue now, or this person saw it last."""
    whose = or_(leases.c.who == who, leases.c.until > moment)
    return has_row(leases, leases.c.message_id == suggestions.c.message_id, whose)


def lease_messages(connection: Connection, who: str, message_ids: Collection[int], moment: datetime) -> set[int]:
    """Lease messages, or lengthen their leases; returns those that nobody else was faster to take."""
    if not message_ids:
        return set()
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(leases)
    values = insert.excluded
    lease = insert.on_conflict_do_update(
        index_elements=[leases.c.message_id],
        set_={"who": values.who, "until": values.until},
        where=or_(leases.c.who == values.who, leases.c.until <= moment),
    ).returning(leases.c.message_id)
    until = moment + timedelta(seconds=LEASE_S)
    wanted = [{"message_id": one, "who": who, "until": until} for one in sorted(message_ids)]
    return set(connection.execute(lease, wanted).scalars())


def end_leases(connection: Connection, who: str, message_ids: Collection[int]) -> None:
    """Give back what this person has leased of these messages."""
    mine = and_(leases.c.who == who, leases.c.message_id.in_(message_ids))
    connection.execute(leases.delete().where(mine))


def has_lease(connection: Connection, who: str, message_id: int) -> bool:
    """Whether a message is leased to this person now; the lease is locked until the transaction ends."""
    mine = and_(leases.c.message_id == message_id, leases.c.who == who, leases.c.until > now())
    return connection.execute(select(leases.c.message_id).where(mine).with_for_update()).scalar() is not None


def lost() -> LeaseLost:
    """What a person is told who has no lease."""
    return LeaseLost("Someone else has this message now.", "Your choice was not saved.")
