"""Settles labels from a file (`import --relabel`): they replace earlier labels, and an empty label removes them."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Connection, Integer, MetaData, Table, and_, bindparam, exists, func, or_, select

from firstline.store.messages import ID_OF_KEY, now
from firstline.store.schema import in_force, labels

relabelled = Table(
    "relabelled",
    MetaData(),
    Column("message_id", Integer, index=True),
    Column("class_id", Integer),
    prefixes=["TEMPORARY"],
)
"""The labels of the file, by message. A class of None stands for an empty label."""


def begin_settling(connection: Connection) -> None:
    """Create a temporary table for the labels of the file."""
    relabelled.create(connection)


def note_labels(connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Note labels of the file. Each row has `of_key`, a message's key, and `class_id`, None for an empty label."""
    if rows:
        connection.execute(relabelled.insert().values(message_id=ID_OF_KEY, class_id=bindparam("class_id")), rows)


def settle(connection: Connection, import_id: int) -> tuple[int, int]:
    """Supersede the earlier labels of all messages of the file, except labels that the file repeats.

    Returns how many labels were replaced by another, and how many were removed.
    """
    again = relabelled.alias()
    stays = exists().where(again.c.message_id == labels.c.message_id, again.c.class_id == labels.c.class_id)
    replaced = and_(
        in_force,
        func.coalesce(labels.c.import_id, 0) != import_id,
        labels.c.message_id.in_(select(relabelled.c.message_id)),
        ~stays,
    )
    new = labels.alias()
    successor = (
        select(func.min(new.c.id))
        .where(
            new.c.message_id == labels.c.message_id,
            new.c.superseded_at.is_(None),
            or_(
                new.c.import_id == import_id,
                exists().where(again.c.message_id == new.c.message_id, again.c.class_id == new.c.class_id),
            ),
        )
        .scalar_subquery()
    )
    has_label = labels.c.message_id.in_(select(relabelled.c.message_id).where(relabelled.c.class_id.is_not(None)))
    n_replaced, n_taken_away = (
        connection.execute(select(func.count()).where(replaced, condition)).scalar_one()
        for condition in (has_label, ~has_label)
    )
    values = {"superseded_at": now(), "superseded_by": successor, "superseded_import": import_id}
    connection.execute(labels.update().where(replaced).values(values))
    relabelled.drop(connection)
    return n_replaced, n_taken_away
