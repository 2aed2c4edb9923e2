"""What two people said of the same message, and how much each person labelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from firstline.store.former_names import ids_now
from firstline.store.labelling import SOURCE
from firstline.store.schema import classes, holds, labels, second_labels, users
from firstline.types import Label

TWICE = "twice"
"""Why a second person is asked if chance chose the message. Suspects were chosen because they look wrong."""


@dataclass(frozen=True)
class Labeller:
    """How much a user labelled: `n_labels` hold, `n_second` were second labels."""

    name: str
    n_labels: int
    n_second: int


def labelled_twice(connection: Connection, n: int) -> list[list[Label]]:
    """The labels that people gave independently, one list for each message; the last `n` second labels are read.

    Each is as it was given, whatever a lead decided later. A class that was merged or renamed since is the one it is
    now. Suspects are left out.
    """
    now_called = ids_now(connection)
    names: dict[int, Label] = dict(connection.execute(select(classes.c.id, classes.c.name)).all())
    columns = second_labels.c.message_id, second_labels.c.first_class, second_labels.c.class_id
    wanted = select(*columns).where(second_labels.c.reason == TWICE).order_by(second_labels.c.id.desc()).limit(n)
    found: dict[int, list[Label]] = {}
    for message_id, *given in reversed(connection.execute(wanted).all()):
        first, second = (names[now_called.get(place, place)] for place in given)
        found.setdefault(message_id, [first]).append(second)
    return list(found.values())


def labellers(connection: Connection, since: datetime) -> Sequence[Labeller]:
    """The users who labelled here since then, UTC, in alphabetical order."""
    given = and_(labels.c.by == users.c.name, labels.c.source == SOURCE, holds, labels.c.at >= since)
    again = and_(second_labels.c.who == users.c.name, second_labels.c.at >= since)
    n_labels = select(func.count()).select_from(labels).where(given).scalar_subquery()
    n_second = select(func.count()).select_from(second_labels).where(again).scalar_subquery()
    rows = connection.execute(select(users.c.name, n_labels, n_second).order_by(users.c.folded_name))
    return [Labeller(*row) for row in rows if row[1] or row[2]]
