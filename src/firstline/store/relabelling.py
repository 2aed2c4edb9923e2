"""Labels of a file that settles labels: they replace those of before, and an empty one takes them away."""

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
"""The labels of a file that settles labels, by message; a class of None: no label."""


def begin_settling(connection: Connection) -> None:
    """Make room for what the file says, for the length of the import."""
    relabelled.create(connection)


def note_labels(connection: Connection, said: Sequence[Mapping[str, object]]) -> None:
    """What a file says of some messages: `of_key` is the key of one, `class_id` its class, or None for no label."""
    if said:
        connection.execute(relabelled.insert().values(message_id=ID_OF_KEY, class_id=bindparam("class_id")), said)


def settle(connection: Connection, import_id: int) -> tuple[int, int]:
    """Labels of before, on messages that the file settles, make room for what it says.

    Returns how many made room for another label, and how many for none. A label that the file repeats stays.
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
