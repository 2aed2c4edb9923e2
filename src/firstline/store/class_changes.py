"""The team's classes: listed, added, renamed, described, retired. Labels are never lost; `merges.py` moves them.

After a rename or a merge the former name stands for the class, see `former_names`.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, select

from firstline.errors import ClassRefused
from firstline.store.classes import delete_unused, was_given
from firstline.store.former_names import ids_now
from firstline.store.messages import now
from firstline.store.schema import classes, in_force, is_class, labels
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data
from firstline.text.rules import nfc, white_space
from firstline.types import Label

MOST_NAME_CHARS = 100
"""Longer names of new classes are refused; an import may bring some."""
MOST_DESCRIPTION_CHARS = 1_000
_LIST = "List them: firstline classes"


@dataclass(frozen=True)
class ClassOfTeam:
    """A class; `n_labels` are those in force. `retired_at` is UTC, None while it is in use.

    `former_names` are those that an import may still have for it.
    """

    id: int
    name: Label
    description: str | None
    n_labels: int
    retired_at: datetime | None
    former_names: tuple[Label, ...] = ()


def list_classes(connection: Connection, class_id: int | None = None) -> list[ClassOfTeam]:
    """All classes, or the one of this id, those with the most labels first."""
    wanted = is_class if class_id is None else and_(is_class, classes.c.id == class_id)
    given = in_force if class_id is None else and_(in_force, labels.c.class_id == class_id)
    counted = select(labels.c.class_id, func.count().label("n")).where(given).group_by(labels.c.class_id).subquery()
    n_labels = func.coalesce(counted.c.n, 0)
    rows = connection.execute(
        select(classes.c.id, classes.c.name, classes.c.description, n_labels, classes.c.retired_at)
        .join_from(classes, counted, counted.c.class_id == classes.c.id, isouter=True)
        .where(wanted)
        .order_by(n_labels.desc(), classes.c.name)
    ).all()
    names: dict[int, Label] = dict(connection.execute(select(classes.c.id, classes.c.name)).all())
    former: dict[int, list[Label]] = {}
    for place, target in ids_now(connection).items():
        former.setdefault(target, []).append(names[place])
    return [
        ClassOfTeam(place, name, description, count, retired_at, tuple(sorted(former.get(place, ()))))
        for place, name, description, count, retired_at in rows
    ]


def add_class(connection: Connection, name: Label, description: str | None = None) -> Label:
    """Add a class without labels; returns its name as it is stored. Raises `ClassRefused` if it exists already.

    A former name becomes a class of its own again. `description` is masked.
    """
    name, description = name_as_stored(name), description_as_stored(description)
    values = {"description": description, "stands_for": None, "stands_for_import": None, "retired_at": None}
    former = and_(classes.c.name == name, ~is_class)
    if not connection.execute(classes.update().where(former).values(values)).rowcount:
        require_new(connection, name)
        connection.execute(classes.insert().values(name=name, description=description, kind="normal"))
    return name


def rename_class(connection: Connection, name: Label, new: Label) -> Label:
    """Give a class another name, and keep the old one as a former name. Returns the new name as it is stored.

    Its labels stay. Raises `ClassRefused`.
    """
    place, new = id_of(connection, name), name_as_stored(new)
    if ids_now(connection).get(_row_of(connection, new)) == place:
        # Back to a name that the class once had. That of a merged class belongs to its labels, which may come back.
        if connection.execute(select(classes.c.id).where(classes.c.name == new, was_given())).first():
            raise ClassRefused(
                "was_merged",
                f"'{new}' was merged into '{name}'.",
                "Undo that (firstline classes undo), or use another name.",
                name=new,
                other=name,
            )
        delete_unused(connection, classes.c.name == new)
    require_new(connection, new, place)
    connection.execute(classes.update().where(classes.c.id == place).values(name=new))
    connection.execute(classes.insert().values(name=name_as_stored(name), kind="normal", stands_for=place))
    return new


def describe_class(connection: Connection, name: Label, description: str) -> None:
    """Set the description of a class: what belongs there, in a sentence, masked. Raises `ClassRefused`."""
    place = id_of(connection, name)
    values = {"description": description_as_stored(description)}
    connection.execute(classes.update().where(classes.c.id == place).values(values))


def retire_class(connection: Connection, name: Label, *, is_back: bool = False) -> int:
    """Take a class out of use, or, if `is_back`, into use again; returns how many labels it has.

    Labels of a retired class stay stored and are not learned: their messages count as unlabelled. Raises
    `ClassRefused`.
    """
    place = id_of(connection, name)
    if is_retired(connection, place) is not is_back:
        reason, what = ("in_use", "in use, not retired") if is_back else ("retired", "retired already")
        raise ClassRefused(reason, f"'{name}' is {what}.", _LIST, name=name)
    connection.execute(classes.update().where(classes.c.id == place).values(retired_at=None if is_back else now()))
    return count_of(connection, place)


def count_labels_of(connection: Connection, name: Label) -> int:
    """The labels of a class that are in force. Raises `ClassRefused`."""
    return count_of(connection, id_of(connection, name))


def count_of(connection: Connection, class_id: int) -> int:
    """The labels in force of a class by its id."""
    return connection.execute(select(func.count()).where(labels.c.class_id == class_id, in_force)).scalar_one()


def is_retired(connection: Connection, class_id: int) -> bool:
    """Whether a class is out of use."""
    return connection.execute(select(classes.c.retired_at).where(classes.c.id == class_id)).scalar() is not None


def id_of(connection: Connection, name: Label) -> int:
    """The id of a class by its name. Raises `ClassRefused` if there is none, or if the name is a former one."""
    place = _row_of(connection, name_as_stored(name))
    if place < 0:
        raise ClassRefused("missing", f"There is no class '{name}'.", _LIST, name=name)
    now_called = ids_now(connection).get(place)
    if now_called is not None:
        now_named = name_of(connection, now_called)
        raise ClassRefused(
            "is_now", f"'{name}' is '{now_named}' now.", f"Use that name: '{now_named}'", name=name, other=now_named
        )
    return place


def id_now(connection: Connection, class_id: int) -> int | None:
    """The id of the class that this one is now: its own, or that of the class it stands for; None if there is none."""
    if connection.execute(select(classes.c.id).where(classes.c.id == class_id)).first() is None:
        return None
    return ids_now(connection).get(class_id, class_id)


def name_of(connection: Connection, class_id: int) -> Label:
    """The name of a class, or a former name, by its id."""
    return str(connection.execute(select(classes.c.name).where(classes.c.id == class_id)).scalar_one())


def name_as_stored(name: Label) -> Label:
    """A name in one spelling: NFC, single spaces, nothing invisible."""
    return white_space(nfc(name))


def _row_of(connection: Connection, name: Label) -> int:
    """The id of a class or of a former name; -1 if there is none."""
    place: int | None = connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar()
    return -1 if place is None else place


def require_new(connection: Connection, name: Label, own: int = -1, *, with_former: bool = False) -> None:
    """Raises `ClassRefused` if no class can get this name, or none but that with the id `own`.

    `with_former`: a former name of another class may become a class of its own again.
    """
    if not name:
        raise ClassRefused("empty", "The name of a class cannot be empty.", "Name it.")
    if len(name) > MOST_NAME_CHARS:
        raise ClassRefused(
            "long",
            f"The name of a class has at most {MOST_NAME_CHARS} characters.",
            "Put the rest into its description.",
        )
    require_impersonal(name, Masker())
    place = _row_of(connection, name)
    now_called_id = ids_now(connection).get(place)
    if now_called_id is not None and with_former:
        return
    if now_called_id is not None:
        now_called = name_of(connection, now_called_id)
        raise ClassRefused(
            "former",
            f"'{name}' is a former name of '{now_called}'.",
            f"To make it a class of its own again: firstline classes add '{name}'",
            name=name,
            other=now_called,
        )
    if place >= 0:
        raise ClassRefused(
            "exists",
            f"'{name}' is a class already.",
            "To join two classes: firstline classes merge NAME INTO",
            name=name,
        )
    others = connection.execute(select(classes.c.name).where(is_class, classes.c.id != own)).scalars()
    alike = next((other for other in others if folded(other) == folded(name)), None)
    if alike is not None:
        raise ClassRefused(
            "alike",
            f"'{name}' differs from the class '{alike}' only in capital letters or spaces.",
            "Use another name.",
            name=name,
            other=alike,
        )


def require_impersonal(name: Label, mask: Masker) -> None:
    """Raises `ClassRefused` if a name holds personal data."""
    if holds_personal_data(name, mask):
        raise ClassRefused("personal", "The name of a class cannot hold personal data.", "Use another name.")


def folded(name: Label) -> str:
    """What two names share that differ only in capital letters or spaces."""
    return "".join(name.casefold().split())


def description_as_stored(description: str | None) -> str | None:
    """A description in one line; None if it is empty. Raises `ClassRefused` if it is too long."""
    stored = name_as_stored(description or "")
    if len(stored) > MOST_DESCRIPTION_CHARS:
        raise ClassRefused(
            "description_long",
            f"A description has at most {MOST_DESCRIPTION_CHARS:,} characters.",
            "Shorten it to a sentence or two.",
        )
    return stored or None
