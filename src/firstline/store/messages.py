"""Messages and labels in the workspace database."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import Connection, DateTime, Engine, Subquery, Table, and_, bindparam, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from firstline.store.schema import classes, in_force, in_use, is_class, labels, message_ids, messages, state
from firstline.types import NONE, Label, Message

_AT_ONCE = 500
LEAST_NONE = 5
"""Fewer messages of none of the classes teach nothing."""
MOST_UNLABELLED = 100_000
"""Training reads at most so many unlabelled messages."""
Item = TypeVar("Item")
ID_OF_KEY = select(messages.c.id).where(messages.c.key == bindparam("of_key")).scalar_subquery()
"""The id of the message with the key `of_key`, for inserted rows."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A masked message to be stored; `sent_at` is UTC, without a zone. `labelled_by` gave the label, if it is known."""

    text: str
    segment: str | None = None
    external_id: str | None = None
    sent_at: datetime | None = None
    label: Label | None = None
    labelled_by: str | None = None

    @property
    def key(self) -> bytes:
        """16 bytes, the same for two messages if and only if text and segment are the same."""
        return blake2b(f"{self.segment or ''}\x00{self.text}".encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Labelled:
    """The data for training: messages with exactly one label, and the others as unlabelled.

    `n_disagreements` of the unlabelled have more than one label. `none` are messages that are labelled as none of the
    classes; they are neither among `messages` nor among `unlabelled`. Sorted by key, so that the order of imports
    does not change a model. `n_not_read` counts unlabelled messages that were not drawn.
    """

    messages: list[Message]
    labels: list[Label]
    unlabelled: list[Message]
    n_disagreements: int
    none: list[Message] = field(default_factory=list)
    n_not_read: int = 0

    @property
    def taught(self) -> list[Message]:
        """The messages of `none` that are learned: all, or nothing if they are too few."""
        return self.none if len(self.none) >= LEAST_NONE else []

    @property
    def learned(self) -> tuple[list[Message], list[Label]]:
        """What a model of all labels learns: `messages` and, with the label `NONE`, those that are `taught`."""
        return [*self.messages, *self.taught], [*self.labels, *[NONE] * len(self.taught)]


@dataclass(frozen=True)
class Disagreement:
    """One text with more than one label; `external_id` is its id in the system it came from."""

    external_id: str | None
    text: str
    labels: tuple[Label, ...]


def replace_text(connection: Connection, message_id: int, message: StoredMessage) -> None:
    """Give a stored message another text. If a message with that text exists, merge the two."""
    target = find_message(connection, message.key)
    if target is None:
        changed = {"key": message.key, "text": message.text, "segment": message.segment}
        connection.execute(messages.update().where(messages.c.id == message_id).values(changed))
    else:
        connection.execute(message_ids.update().where(message_ids.c.message_id == message_id).values(message_id=target))
        move_labels(connection, message_id, target)
        connection.execute(messages.delete().where(messages.c.id == message_id))


def find_message(connection: Connection, key: bytes) -> int | None:
    """The id of the message with this key, or None."""
    return connection.execute(select(messages.c.id).where(messages.c.key == key)).scalar()


def move_labels(connection: Connection, message_id: int, target: int, import_id: int | None = None) -> list[int]:
    """Move all labels of a message to another one, and return their ids.

    If both have the same label in force, it stays in force once. The other is marked as superseded, by `import_id` if
    given.
    """
    theirs = {
        class_id: label_id
        for label_id, class_id in connection.execute(
            select(labels.c.id, labels.c.class_id).where(labels.c.message_id == target, in_force)
        )
    }
    ours = connection.execute(
        select(labels.c.id, labels.c.class_id, labels.c.superseded_at).where(labels.c.message_id == message_id)
    ).all()
    for label_id, class_id, superseded_at in ours:
        if superseded_at is None and class_id in theirs:
            superseded = {"superseded_at": now(), "superseded_by": theirs[class_id], "superseded_import": import_id}
            connection.execute(labels.update().where(labels.c.id == label_id).values(superseded))
    connection.execute(labels.update().where(labels.c.message_id == message_id).values(message_id=target))
    return [label_id for label_id, _, _ in ours]


def join_classes(connection: Connection, class_id: int, target: int) -> None:
    """Move all labels of a class to another class and delete it. A message that has both keeps one label."""
    other = labels.alias()
    both = exists().where(
        other.c.message_id == labels.c.message_id, other.c.class_id == target, other.c.superseded_at.is_(None)
    )
    doubled = and_(labels.c.class_id == class_id, in_force, both)
    connection.execute(labels.update().where(doubled).values(superseded_at=now()))
    connection.execute(labels.update().where(labels.c.class_id == class_id).values(class_id=target))
    connection.execute(classes.update().where(classes.c.stands_for == class_id).values(stands_for=target))
    connection.execute(classes.delete().where(classes.c.id == class_id))


def now() -> datetime:
    """The time in UTC, without a zone, as the database stores times."""
    return datetime.now(UTC).replace(tzinfo=None)


def read_state(connection: Connection, name: str) -> str | None:
    """A stored value of the workspace, or None."""
    return connection.execute(select(state.c.value).where(state.c.name == name)).scalar()


def write_state(connection: Connection, name: str, value: str) -> None:
    """Store a value of the workspace."""
    delete_state(connection, name)
    connection.execute(state.insert().values(name=name, value=value))


def delete_state(connection: Connection, name: str) -> None:
    """Delete a stored value, if there is one."""
    connection.execute(state.delete().where(state.c.name == name))


def count_messages(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(messages)).scalar_one()


def has_messages(connection: Connection) -> bool:
    return connection.execute(select(messages.c.id).limit(1)).first() is not None


def count_labels(connection: Connection) -> int:
    """Messages that have at least one label in force, of a class in use."""
    counted = select(func.count(labels.c.message_id.distinct())).join_from(labels, classes).where(in_force, in_use)
    return connection.execute(counted).scalar_one()


def has_labels(connection: Connection) -> bool:
    """Whether any message has a label that counts."""
    found = select(labels.c.id).join_from(labels, classes).where(in_force, in_use).limit(1)
    return connection.execute(found).scalar() is not None


def count_by_class(connection: Connection) -> Counter[Label]:
    """Labels in force per class in use, including classes without labels."""
    counted = select(classes.c.name, func.count(labels.c.id)).join_from(
        classes, labels, and_(labels.c.class_id == classes.c.id, in_force), isouter=True
    )
    counted = counted.where(in_use).group_by(classes.c.name).order_by(classes.c.name)
    return Counter({row[0]: row[1] for row in connection.execute(counted)})


def count_by_segment(connection: Connection) -> Counter[str | None]:
    counted = select(messages.c.segment, func.count()).group_by(messages.c.segment).order_by(messages.c.segment)
    rows = connection.execute(counted)
    return Counter({row[0]: row[1] for row in rows})


def count_disagreements(connection: Connection) -> int:
    """Messages that have more than one label in force."""
    return connection.execute(select(func.count()).select_from(_split())).scalar_one()


def labelled_keys(engine: Engine) -> frozenset[bytes]:
    """The keys of all messages that have a label in force, of whatever class or of none."""
    labelled = select(messages.c.key).join_from(messages, labels).where(in_force).distinct()
    with engine.connect() as connection:
        return frozenset(key for (key,) in connection.execute(labelled))


def class_names(engine: Engine, *, with_former: bool = False) -> frozenset[Label]:
    """The names of all classes, and if asked for, those that they once had."""
    wanted = select(classes.c.name) if with_former else select(classes.c.name).where(is_class)
    with engine.connect() as connection:
        return frozenset(connection.execute(wanted).scalars())


def disagreements(connection: Connection) -> list[Disagreement]:
    """Every text with more than one label in force, in a fixed order."""
    split = _split()
    rows = connection.execute(
        select(messages.c.id, messages.c.text, classes.c.name)
        .join_from(messages, labels)
        .join(classes)
        .join(split, split.c.message_id == messages.c.id)
        .where(in_force, in_use)
        .order_by(messages.c.key, classes.c.name)
    )
    found: dict[int, tuple[str, list[Label]]] = {}
    for message_id, text, name in rows:
        found.setdefault(message_id, (text, []))[1].append(name)
    first = select(message_ids.c.message_id, func.min(message_ids.c.external_id)).join(
        split, split.c.message_id == message_ids.c.message_id
    )
    ids: dict[int, str] = dict(connection.execute(first.group_by(message_ids.c.message_id)).all())
    return [Disagreement(ids.get(place), text, tuple(names)) for place, (text, names) in found.items()]


def _split() -> Subquery:
    """The messages with more than one label in force, of classes in use."""
    counted = select(labels.c.message_id).join(classes).where(in_force, in_use)
    return counted.group_by(labels.c.message_id).having(func.count() > 1).subquery()


def read_for_training(engine: Engine, none: Collection[Label] = ()) -> Labelled:
    """Read the data for training in one transaction. A message with more than one label counts as unlabelled.

    Labels in `none` mean none of the classes; those of retired classes do not count. Of the unlabelled messages, the
    first 100,000 by key are read: keys are hashes, so they are drawn at random, and the same ones with every import.
    """
    content = (messages.c.key, messages.c.text, messages.c.segment)
    with engine.connect() as connection:
        rows = connection.execute(
            select(*content, classes.c.name)
            .join_from(messages, labels)
            .join(classes)
            .where(in_force, in_use)
            .order_by(messages.c.key, classes.c.name)
        )
        found: dict[bytes, tuple[Message, list[Label]]] = {}
        for key, text, segment, name in rows:
            found.setdefault(key, (Message(text, segment), []))[1].append(name)
        of_class = and_(labels.c.class_id == classes.c.id, in_use)
        is_labelled = exists().where(labels.c.message_id == messages.c.id, in_force, of_class)
        rest = select(*content).where(~is_labelled).order_by(messages.c.key).limit(MOST_UNLABELLED)
        others = {key: Message(text, segment) for key, text, segment in connection.execute(rest) if key not in found}
        n_others = count_messages(connection) - len(found)
    nothing = frozenset(none)
    taken = {key: one for key, one in found.items() if not nothing.issuperset(one[1])}
    single = [(message, names[0]) for message, names in taken.values() if len(names) == 1]
    split = {key: message for key, (message, names) in taken.items() if len(names) > 1}
    unlabelled = sorted((split | others).items(), key=itemgetter(0))[:MOST_UNLABELLED]
    return Labelled(
        messages=[message for message, _ in single],
        labels=[label for _, label in single],
        unlabelled=[message for _, message in unlabelled],
        n_disagreements=len(split),
        none=[message for key, (message, _) in found.items() if key not in taken],
        n_not_read=max(0, len(split) + n_others - len(unlabelled)),
    )


def read_stored(connection: Connection) -> Iterator[tuple[int, StoredMessage]]:
    """Every message with its id, as a stream."""
    rows = connection.execute(
        select(messages.c.id, messages.c.text, messages.c.segment).order_by(messages.c.id),
        # For this statement only: set on the connection, it would apply to all later ones.
        execution_options={"yield_per": 5_000},
    )
    for message_id, text, segment in rows:
        yield message_id, StoredMessage(text, segment)


def parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """Split items into parts small enough for one statement."""
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]], **computed: object) -> None:
    """Insert the rows that violate no unique constraint. `computed` are columns that the database computes per row.

    All rows must have the same keys. They go to the driver directly, because SQLAlchemy's processing of each parameter
    takes as long as the insert itself.
    """
    if not rows:
        return
    is_postgresql = connection.dialect.name == "postgresql"
    given: dict[str, object] = {name: bindparam(name) for name in rows[0] if name in table.c}
    insert = postgresql.insert(table) if is_postgresql else sqlite.insert(table)
    statement = insert.values({**given, **computed}).on_conflict_do_nothing()
    compiled = statement.compile(dialect=connection.dialect)
    if is_postgresql:
        connection.exec_driver_sql(str(compiled), [dict(row) for row in rows])
        return
    names = compiled.positiontup or []
    times = {name for name in names if name in table.c and isinstance(table.c[name].type, DateTime)}
    plain = [{**row, **{name: _for_sqlite(row[name]) for name in times}} for row in rows] if times else rows
    if len(names) == 1:
        connection.exec_driver_sql(str(compiled), [(row[names[0]],) for row in plain])
    else:
        connection.exec_driver_sql(str(compiled), list(map(itemgetter(*names), plain)))


def _for_sqlite(value: object) -> object:
    """A time in the format that SQLAlchemy reads from SQLite; other values stay."""
    return value.isoformat(" ", "microseconds") if isinstance(value, datetime) else value
