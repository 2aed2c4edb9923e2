"""The team's classes: listed, added, renamed, described, merged, retired. Labels are moved, never lost.

A merge is stored as an import that gives labels and supersedes others, so `undo_last_import` takes it back. After a
rename or a merge the former name stands for the class, see `former_names`.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Exists, and_, exists, func, insert, literal, select

from firstline.errors import UsageError
from firstline.store.classes import delete_unused, was_given
from firstline.store.former_names import ids_now
from firstline.store.messages import now
from firstline.store.schema import classes, imports, in_force, is_class, labels
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data
from firstline.text.rules import nfc, white_space
from firstline.types import Label

SOURCE = ":firstline classes:"
"""The source of imports that are changes of classes. No other system has this name."""
_LIST = "List them: firstline classes"


@dataclass(frozen=True)
class ClassOfTeam:
    """A class; `n_labels` are those in force. `retired_at` is UTC, None while it is in use.

    `former_names` are those that an import may still have for it.
    """

    name: Label
    description: str | None
    n_labels: int
    retired_at: datetime | None
    former_names: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Merger:
    """What a merge does to labels: `n_moved` get the other class, `n_had_both` messages have that class already."""

    n_moved: int
    n_had_both: int


def list_classes(connection: Connection) -> list[ClassOfTeam]:
    """All classes, those with the most labels first."""
    n_labels = func.count(labels.c.id)
    rows = connection.execute(
        select(classes.c.id, classes.c.name, classes.c.description, n_labels, classes.c.retired_at)
        .join_from(classes, labels, and_(labels.c.class_id == classes.c.id, in_force), isouter=True)
        .where(is_class)
        .group_by(classes.c.id, classes.c.name, classes.c.description, classes.c.retired_at)
        .order_by(n_labels.desc(), classes.c.name)
    ).all()
    names: dict[int, Label] = dict(connection.execute(select(classes.c.id, classes.c.name)).all())
    former: dict[int, list[Label]] = {}
    for place, target in ids_now(connection).items():
        former.setdefault(target, []).append(names[place])
    return [
        ClassOfTeam(name, description, count, retired_at, tuple(sorted(former.get(place, ()))))
        for place, name, description, count, retired_at in rows
    ]


def add_class(connection: Connection, name: Label, description: str | None = None) -> Label:
    """Add a class without labels; returns its name as it is stored. Raises `UsageError` if it exists already.

    A former name becomes a class of its own again.
    """
    name = _as_stored(name)
    values = {"description": description, "stands_for": None, "stands_for_import": None, "retired_at": None}
    former = and_(classes.c.name == name, ~is_class)
    if not connection.execute(classes.update().where(former).values(values)).rowcount:
        _require_new(connection, name)
        connection.execute(classes.insert().values(name=name, description=description, kind="normal"))
    return name


def rename_class(connection: Connection, name: Label, new: Label) -> Label:
    """Give a class another name, and keep the old one as a former name. Returns the new name as it is stored.

    Its labels stay. Raises `UsageError`.
    """
    place, new = _id_of(connection, name), _as_stored(new)
    if ids_now(connection).get(_row_of(connection, new)) == place:
        # Back to a name that the class once had. That of a merged class belongs to its labels, which may come back.
        if connection.execute(select(classes.c.id).where(classes.c.name == new, was_given())).first():
            raise UsageError(
                f"'{new}' was merged into '{name}'.", "Undo that (firstline classes undo), or use another name."
            )
        delete_unused(connection, classes.c.name == new)
    _require_new(connection, new)
    connection.execute(classes.update().where(classes.c.id == place).values(name=new))
    connection.execute(classes.insert().values(name=_as_stored(name), kind="normal", stands_for=place))
    return new


def describe_class(connection: Connection, name: Label, description: str) -> None:
    """Set the description of a class: what belongs into it, in a sentence. Raises `UsageError`."""
    place = _id_of(connection, name)
    connection.execute(classes.update().where(classes.c.id == place).values(description=description.strip() or None))


def retire_class(connection: Connection, name: Label, *, is_back: bool = False) -> int:
    """Take a class out of use, or, if `is_back`, into use again; returns how many labels it has.

    Labels of a retired class stay stored and are not learned: their messages count as unlabelled. Raises `UsageError`.
    """
    place = _id_of(connection, name)
    is_retired = connection.execute(select(classes.c.retired_at).where(classes.c.id == place)).scalar() is not None
    if is_retired is not is_back:
        raise UsageError(f"'{name}' is {'retired already' if is_retired else 'in use, not retired'}.", _LIST)
    connection.execute(classes.update().where(classes.c.id == place).values(retired_at=None if is_back else now()))
    return _n_in_force(connection, place)


def count_labels_of(connection: Connection, name: Label) -> int:
    """The labels of a class that are in force. Raises `UsageError`."""
    return _n_in_force(connection, _id_of(connection, name))


def merger(connection: Connection, name: Label, into: Label) -> Merger:
    """What a merge would do. Raises `UsageError`."""
    place, target = _id_of(connection, name), _id_of(connection, into)
    if place == target:
        raise UsageError(f"'{name}' cannot be merged into itself.", "Name two classes.")
    if connection.execute(select(classes.c.retired_at).where(classes.c.id == target)).scalar() is not None:
        raise UsageError(
            f"'{into}' is retired, so its labels are not learned.", f"First: firstline classes restore '{into}'"
        )
    n_had_both = connection.execute(
        select(func.count()).where(labels.c.class_id == place, in_force, _has(target))
    ).scalar_one()
    return Merger(_n_in_force(connection, place) - n_had_both, n_had_both)


def merge_classes(connection: Connection, name: Label, into: Label, by: str) -> Merger:
    """Give all messages of a class another class instead; `by` is who decided it. Raises `UsageError`."""
    found = merger(connection, name, into)
    place, target = _id_of(connection, name), _id_of(connection, into)
    row = {"file": f"classes merge '{name}' '{into}'", "source": SOURCE, "at": now()}
    import_id = connection.execute(imports.insert().values(row).returning(imports.c.id)).scalar_one()
    given = (literal(target), literal("merge"), literal(by), literal(now()), literal(import_id))
    moved = select(labels.c.message_id, *given, labels.c.is_random)
    columns = ["message_id", "class_id", "source", "by", "at", "import_id", "is_random"]
    connection.execute(
        insert(labels).from_select(columns, moved.where(labels.c.class_id == place, in_force, ~_has(target)))
    )
    new = labels.alias()
    successor = (
        select(func.min(new.c.id))
        .where(new.c.message_id == labels.c.message_id, new.c.class_id == target, new.c.superseded_at.is_(None))
        .scalar_subquery()
    )
    values = {"superseded_at": now(), "superseded_by": successor, "superseded_import": import_id}
    connection.execute(labels.update().where(labels.c.class_id == place, in_force).values(values))
    former = {"stands_for": target, "stands_for_import": import_id}
    connection.execute(classes.update().where(classes.c.id == place).values(former))
    return found


def last_change(connection: Connection) -> tuple[str, bool] | None:
    """The last import that is not undone: what it was, and whether it was a change of classes; None without any."""
    wanted = select(imports.c.file, imports.c.source).where(imports.c.undone_at.is_(None)).order_by(imports.c.id.desc())
    found = connection.execute(wanted.limit(1)).first()
    return (found[0], found[1] == SOURCE) if found else None


def _has(class_id: int) -> Exists:
    """Whether the message of a label has a label of this class, too."""
    other = labels.alias()
    return exists().where(
        other.c.message_id == labels.c.message_id, other.c.class_id == class_id, other.c.superseded_at.is_(None)
    )


def _n_in_force(connection: Connection, class_id: int) -> int:
    return connection.execute(select(func.count()).where(labels.c.class_id == class_id, in_force)).scalar_one()


def _id_of(connection: Connection, name: Label) -> int:
    place = _row_of(connection, _as_stored(name))
    if place < 0:
        raise UsageError(f"There is no class '{name}'.", _LIST)
    now_called = ids_now(connection).get(place)
    if now_called is not None:
        now_named = _name_of(connection, now_called)
        raise UsageError(f"'{name}' is '{now_named}' now.", f"Use that name: '{now_named}'")
    return place


def _row_of(connection: Connection, name: Label) -> int:
    """The id of a class or of a former name; -1 if there is none."""
    place: int | None = connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar()
    return -1 if place is None else place


def _name_of(connection: Connection, place: int) -> Label:
    return str(connection.execute(select(classes.c.name).where(classes.c.id == place)).scalar_one())


def _require_new(connection: Connection, name: Label) -> None:
    if not name:
        raise UsageError("The name of a class cannot be empty.", "Name it.")
    if holds_personal_data(name, Masker()):
        raise UsageError("The name of a class cannot hold personal data.", "Use another name.")
    place = _row_of(connection, name)
    if place in ids_now(connection):
        now_called = _name_of(connection, ids_now(connection)[place])
        raise UsageError(
            f"'{name}' is a former name of '{now_called}'.",
            f"To make it a class of its own again: firstline classes add '{name}'",
        )
    if place >= 0:
        raise UsageError(f"'{name}' is a class already.", "To join two classes: firstline classes merge NAME INTO")


def _as_stored(name: Label) -> Label:
    return white_space(nfc(name))
