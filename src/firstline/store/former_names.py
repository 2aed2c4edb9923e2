"""Former names of classes: after a class is renamed or merged, its old name stands for another class.

An export that still has the old name brings labels of the class that it is now, and a model that answers with it is
compared under the new name.
"""

from sqlalchemy import Connection, and_, exists, or_, select

from firstline.store.classes import delete_unused
from firstline.store.schema import classes, is_class
from firstline.types import Label


def ids_now(connection: Connection) -> dict[int, int]:
    """The class that each former name is now, by their ids."""
    former = select(classes.c.id, classes.c.stands_for).where(~is_class)
    nearest: dict[int, int] = dict(connection.execute(former).all())
    return {place: _end(place, nearest) for place in nearest}


def names_now(connection: Connection) -> dict[Label, Label]:
    """The class that each former name is now, by their names."""
    names: dict[int, Label] = dict(connection.execute(select(classes.c.id, classes.c.name)).all())
    return {names[place]: names[target] for place, target in ids_now(connection).items() if target in names}


def own_again(connection: Connection, import_id: int) -> None:
    """What an undone merge, or a class that is gone, leaves: its former names stand for nothing any more."""
    kept = classes.alias()
    is_gone = and_(classes.c.stands_for.is_not(None), ~exists().where(kept.c.id == classes.c.stands_for))
    delete_unused(connection, is_gone)
    freed = classes.update().where(or_(classes.c.stands_for_import == import_id, is_gone))
    connection.execute(freed.values(stands_for=None, stands_for_import=None))


def _end(place: int, nearest: dict[int, int]) -> int:
    seen = {place}
    while (following := nearest.get(place)) is not None and following not in seen:
        place = following
        seen.add(place)
    return place
