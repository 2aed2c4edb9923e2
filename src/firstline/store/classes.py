"""The kinds of classes: normal, or one that means none of the others."""

from collections.abc import Collection

from sqlalchemy import Connection

from firstline.store.schema import classes
from firstline.types import Label


def keep_kinds(connection: Connection, none: Collection[Label]) -> None:
    """Write down which classes mean none of the others, as the settings say now."""
    is_none = classes.c.name.in_(sorted(none))
    for kind, condition in (("none", is_none), ("normal", ~is_none)):
        connection.execute(classes.update().where(condition, classes.c.kind != kind).values(kind=kind))
