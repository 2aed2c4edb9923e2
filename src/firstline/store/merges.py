"""Merges: all messages of one class get another instead, until the merge is taken back.

A merge is stored as an import that gives labels and supersedes others, and the name of the merged class stands for the
other one. Labels that were given, changed or taken back since stay as they are when it is taken back.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Exists, and_, exists, func, insert, literal, select

from firstline.errors import ClassRefused
from firstline.store.class_changes import count_of, id_of, is_retired, name_of
from firstline.store.former_names import own_again
from firstline.store.messages import now
from firstline.store.schema import classes, imports, in_force, is_class, labels
from firstline.types import Label

SOURCE = ":firstline classes:"
"""The source of imports that are merges. No other system has this name."""


@dataclass(frozen=True)
class Merger:
    """What a merge does to labels: `n_moved` get the other class, `n_had_both` messages have that class already."""

    n_moved: int
    n_had_both: int


@dataclass(frozen=True)
class Merged:
    """A class that was merged into another and can be separated again. `at` is UTC."""

    id: int
    name: Label
    at: datetime


@dataclass(frozen=True)
class Separated:
    """A merge that was taken back: `n_back` labels have their class again, `n_stay` were changed since and do not."""

    name: Label
    into: Label
    n_back: int
    n_stay: int


def merger(connection: Connection, name: Label, into: Label) -> Merger:
    """What a merge would do. Raises `ClassRefused`."""
    place, target = id_of(connection, name), id_of(connection, into)
    if place == target:
        raise ClassRefused("itself", f"'{name}' cannot be merged into itself.", "Name two classes.", name=name)
    if is_retired(connection, target):
        raise ClassRefused(
            "into_retired",
            f"'{into}' is retired, so its labels are not learned.",
            f"First: firstline classes restore '{into}'",
            name=into,
        )
    n_had_both = connection.execute(
        select(func.count()).where(labels.c.class_id == place, in_force, _has(target))
    ).scalar_one()
    return Merger(count_of(connection, place) - n_had_both, n_had_both)


def merge_classes(connection: Connection, name: Label, into: Label, by: str) -> Merger:
    """Give all messages of a class another class instead; `by` is who decided it. Raises `ClassRefused`."""
    place, target = id_of(connection, name), id_of(connection, into)
    # Whoever gives a label shares the lock of its class, so that no label slips in behind the count.
    connection.execute(select(classes.c.id).where(classes.c.id.in_((place, target))).with_for_update()).all()
    found = merger(connection, name, into)
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


def merged_into(connection: Connection, class_id: int) -> list[Merged]:
    """The classes that were merged into this one, the last first."""
    wanted = (
        select(classes.c.id, classes.c.name, imports.c.at)
        .join_from(classes, imports, imports.c.id == classes.c.stands_for_import)
        .where(classes.c.stands_for == class_id, imports.c.undone_at.is_(None))
        .order_by(imports.c.id.desc())
    )
    return [Merged(*row) for row in connection.execute(wanted)]


def last_merge(connection: Connection) -> tuple[int, str] | None:
    """The last merge that is not taken back: the id of the merged class, and what it was; None without any."""
    wanted = (
        select(classes.c.id, imports.c.file)
        .join_from(classes, imports, imports.c.id == classes.c.stands_for_import)
        .where(imports.c.undone_at.is_(None))
        .order_by(imports.c.id.desc())
    )
    found = connection.execute(wanted.limit(1)).first()
    return (found[0], found[1]) if found else None


def require_not_merged(connection: Connection, name: Label) -> None:
    """Raises `ClassRefused` if this is the name of a merged class, whose labels could come back."""
    other = classes.alias()
    wanted = select(other.c.name).join_from(classes, other, other.c.id == classes.c.stands_for)
    into = connection.execute(wanted.where(classes.c.name == name, classes.c.stands_for_import.is_not(None))).scalar()
    if into is not None:
        raise ClassRefused(
            "was_merged",
            f"'{name}' was merged into '{into}'.",
            "Undo that (firstline classes undo), or use another name.",
            name=name,
            other=into,
        )


def separation(connection: Connection, merged_id: int) -> Separated:
    """What `separate_class` would do. Raises `ClassRefused` if the class is not merged, or the other one is itself."""
    import_id, target = _merge_of(connection, merged_id)
    of_merge = labels.c.superseded_import == import_id
    n_all, n_back = (
        connection.execute(select(func.count()).where(labels.c.class_id == merged_id, condition)).scalar_one()
        for condition in (of_merge, and_(of_merge, _holds_as(target)))
    )
    return Separated(name_of(connection, merged_id), name_of(connection, target), n_back, n_all - n_back)


def separate_class(connection: Connection, merged_id: int) -> Separated:
    """Take a merge back, even if other things were imported or labelled since. Raises what `separation` raises."""
    import_id, target = _merge_of(connection, merged_id)
    connection.execute(select(classes.c.id).where(classes.c.id.in_((merged_id, target))).with_for_update()).all()
    found = separation(connection, merged_id)
    back = and_(labels.c.class_id == merged_id, labels.c.superseded_import == import_id, _holds_as(target))
    values = {"superseded_at": None, "superseded_by": None, "superseded_import": None}
    connection.execute(labels.update().where(back).values(values))
    connection.execute(labels.delete().where(labels.c.import_id == import_id, in_force))
    own_again(connection, import_id)
    connection.execute(imports.update().where(imports.c.id == import_id).values(undone_at=now()))
    return found


def _merge_of(connection: Connection, merged_id: int) -> tuple[int, int]:
    """The import that is the merge of a class, and the class that it went to. Raises `ClassRefused`."""
    wanted = select(classes.c.stands_for_import, classes.c.stands_for, classes.c.name).where(classes.c.id == merged_id)
    import_id, target, name = connection.execute(wanted).first() or (None, None, "")
    if import_id is None or target is None:
        raise ClassRefused("not_merged", f"'{name}' is not merged into another class.", "", name=name)
    if connection.execute(select(classes.c.id).where(classes.c.id == target, is_class)).first() is None:
        into = name_of(connection, target)
        raise ClassRefused(
            "merged_twice",
            f"'{name}' was merged into '{into}', which is another class now.",
            f"First take back what became of '{into}'.",
            name=name,
            other=into,
        )
    return import_id, target


def _holds_as(target: int) -> ColumnElement[bool]:
    """Whether the label that a merge gave instead, or found, still holds."""
    other, same = labels.alias(), labels.alias()
    holds = exists().where(
        other.c.id == labels.c.superseded_by, other.c.class_id == target, other.c.superseded_at.is_(None)
    )
    given_again = exists().where(
        same.c.message_id == labels.c.message_id,
        same.c.class_id == labels.c.class_id,
        same.c.superseded_at.is_(None),
    )
    return and_(holds, ~given_again)


def _has(class_id: int) -> Exists:
    """Whether the message of a label has a label of this class, too."""
    other = labels.alias()
    return exists().where(
        other.c.message_id == labels.c.message_id, other.c.class_id == class_id, other.c.superseded_at.is_(None)
    )
