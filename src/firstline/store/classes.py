"""Which classes are in use, and which mean none of the others."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from firstline.store.schema import classes, clusters, is_class, labels, second_labels
from firstline.types import Label


def keep_kinds(connection: Connection, none: Collection[Label]) -> None:
    """Write down which classes mean none of the others, as the settings say now."""
    is_none = classes.c.name.in_(sorted(none))
    for kind, condition in (("none", is_none), ("normal", ~is_none)):
        connection.execute(classes.update().where(condition, classes.c.kind != kind).values(kind=kind))


def retired_names(connection: Connection) -> frozenset[Label]:
    """The classes that are out of use."""
    retired = select(classes.c.name).where(classes.c.retired_at.is_not(None), is_class)
    return frozenset(connection.execute(retired).scalars())


def was_given() -> ColumnElement[bool]:
    """Whether anybody ever gave a class to a message, so that its row has to stay."""
    given = labels.c.class_id, second_labels.c.first_class, second_labels.c.class_id
    return or_(*(exists().where(column == classes.c.id) for column in given))


def delete_unused(connection: Connection, meant: ColumnElement[bool]) -> None:
    """Delete those of these classes that nobody ever gave. No cluster suggests them any more."""
    unused = connection.execute(select(classes.c.id).where(meant, ~was_given())).scalars().all()
    connection.execute(clusters.update().where(clusters.c.class_id.in_(unused)).values(class_id=None, share=None))
    connection.execute(classes.delete().where(classes.c.id.in_(unused)))
