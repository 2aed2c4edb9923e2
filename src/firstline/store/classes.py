"""Which classes are in use, and which mean none of the others."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from firstline.store.schema import classes, is_class
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
