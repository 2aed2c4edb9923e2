"""How far a team has come: who labelled how much, and what waits for a lead."""

from datetime import datetime

from sqlalchemy import Connection, and_, func, select, union

from firstline.store.labelling import SOURCE
from firstline.store.schema import classes, holds, in_force, in_use, labels, messages, remarks, second_labels


def given_by_person(connection: Connection, since: datetime) -> list[tuple[str, int]]:
    """Who labelled here since a time, UTC, and how many of these labels hold; the most first."""
    given = and_(labels.c.by.is_not(None), labels.c.at >= since, labels.c.source == SOURCE, holds)
    counted = select(labels.c.by, func.count()).where(given).group_by(labels.c.by)
    rows = connection.execute(counted.order_by(func.count().desc(), labels.c.by))
    return [(str(who), int(n)) for who, n in rows]


def count_labels_up_to(connection: Connection, most: int) -> int:
    """How many labels are in force; counts no further than `most`, so that it is quick."""
    some = select(labels.c.id).where(in_force).limit(most).subquery()
    return connection.execute(select(func.count()).select_from(some)).scalar_one()


def count_labels_after(connection: Connection, moment: datetime) -> int:
    """How many labels in force came in after a time, UTC. A merge of classes brings none."""
    wanted = select(func.count()).select_from(labels).join(classes).where(in_force, in_use)
    return connection.execute(wanted.where(labels.c.at > moment, labels.c.source != "merge")).scalar_one()


def count_for_lead(connection: Connection) -> int:
    """How many messages wait for a lead: somebody was unsure, or a second person chose another class."""
    unsure = select(remarks.c.message_id).where(remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    differs = second_labels.c.class_id != second_labels.c.first_class
    differing = select(second_labels.c.message_id).where(differs, second_labels.c.settled_at.is_(None))
    return connection.execute(select(func.count()).select_from(union(unsure, differing).subquery())).scalar_one()


def last_message(connection: Connection) -> int:
    """The id of the message that came last; 0 if there is none. About as many messages there are."""
    return connection.execute(select(func.max(messages.c.id))).scalar() or 0
