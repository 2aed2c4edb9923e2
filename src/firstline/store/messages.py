"""Messages and labels in the workspace database."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection, Engine, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from firstline.store.schema import classes, labels, messages, state
from firstline.types import Label, Message

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A masked message on its way into the store; `sent_at` is UTC, without a zone."""

    text: str
    segment: str | None = None
    external_id: str | None = None
    sent_at: datetime | None = None
    label: Label | None = None

    @property
    def key(self) -> bytes:
        """16 bytes that two messages share if and only if text and segment are the same."""
        return blake2b(f"{self.segment or ''}\x00{self.text}".encode(), digest_size=16).digest()


@dataclass(frozen=True)
class Labelled:
    """What training reads: messages with one label each, the rest, and what was left out.

    Ordered by key, so that the order of imports does not change a model.
    """

    messages: list[Message]
    labels: list[Label]
    unlabelled: list[Message]
    n_disagreements: int


@dataclass(frozen=True)
class Disagreement:
    """One text with more than one label; `external_id` is its id in the system it came from."""

    external_id: str | None
    text: str
    labels: tuple[Label, ...]


def add_messages(connection: Connection, batch: Sequence[tuple[bytes, StoredMessage]], source: str) -> None:
    """Store a batch of (key, message). What is there already stays as it is; a new label is added to it."""
    if not batch:
        return
    rows: list[dict[str, object]] = [
        {
            "key": key,
            "external_id": item.external_id,
            "text": item.text,
            "segment": item.segment,
            "sent_at": item.sent_at,
        }
        for key, item in batch
    ]
    _insert_new(connection, messages, rows)
    labelled = [(key, item.label) for key, item in batch if item.label]
    if labelled:
        _insert_new(connection, classes, [{"name": name} for name in sorted({label for _, label in labelled})])
        _insert_new(
            connection,
            labels,
            [{"message_key": key, "class_name": label, "source": source} for key, label in labelled],
        )


def remove_labels(connection: Connection, keys: Collection[bytes]) -> None:
    """Take all labels from these messages."""
    for start in range(0, len(keys), _AT_ONCE):
        part = list(keys)[start : start + _AT_ONCE]
        connection.execute(labels.delete().where(labels.c.message_key.in_(part)))


def replace_text(connection: Connection, old_key: bytes, message: StoredMessage) -> None:
    """Give a stored message another text. If there is one with that text, it takes over the labels."""
    new_key = message.key
    taken = connection.execute(select(messages.c.key).where(messages.c.key == new_key)).first() is not None
    if not taken:
        connection.execute(messages.update().where(messages.c.key == old_key).values(key=new_key, text=message.text))
        return
    named = connection.execute(
        select(labels.c.class_name, labels.c.source).where(labels.c.message_key == old_key)
    ).all()
    if named:
        rows = [{"message_key": new_key, "class_name": name, "source": source} for name, source in named]
        _insert_new(connection, labels, rows)
    remove_labels(connection, [old_key])
    connection.execute(messages.delete().where(messages.c.key == old_key))


def read_state(connection: Connection, name: str) -> str | None:
    """A remembered value of the workspace, or None."""
    return connection.execute(select(state.c.value).where(state.c.name == name)).scalar()


def write_state(connection: Connection, name: str, value: str) -> None:
    """Remember a value of the workspace."""
    connection.execute(state.delete().where(state.c.name == name))
    connection.execute(state.insert().values(name=name, value=value))


def count_messages(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(messages)).scalar_one()


def count_labels(connection: Connection) -> int:
    """Messages that have at least one label."""
    return connection.execute(select(func.count(labels.c.message_key.distinct()))).scalar_one()


def count_by_class(connection: Connection) -> Counter[Label]:
    """Labels per class, for every class, also those with none."""
    counted = select(classes.c.name, func.count(labels.c.message_key)).join_from(classes, labels, isouter=True)
    return Counter({row[0]: row[1] for row in connection.execute(counted.group_by(classes.c.name))})


def count_by_segment(connection: Connection) -> Counter[str | None]:
    rows = connection.execute(select(messages.c.segment, func.count()).group_by(messages.c.segment))
    return Counter({row[0]: row[1] for row in rows})


def count_disagreements(connection: Connection) -> int:
    """Messages that have more than one label."""
    split = select(labels.c.message_key).group_by(labels.c.message_key).having(func.count() > 1).subquery()
    return connection.execute(select(func.count()).select_from(split)).scalar_one()


def labelled_keys(engine: Engine) -> frozenset[bytes]:
    """The keys of all messages that have a label."""
    with engine.connect() as connection:
        return frozenset(key for (key,) in connection.execute(select(labels.c.message_key).distinct()))


def class_names(engine: Engine) -> frozenset[Label]:
    """The names of all classes."""
    with engine.connect() as connection:
        return frozenset(name for (name,) in connection.execute(select(classes.c.name)))


def disagreements(connection: Connection) -> list[Disagreement]:
    """Every text with more than one label, in a fixed order."""
    split = select(labels.c.message_key).group_by(labels.c.message_key).having(func.count() > 1).subquery()
    rows = connection.execute(
        select(messages.c.key, messages.c.external_id, messages.c.text, labels.c.class_name)
        .join_from(messages, labels, messages.c.key == labels.c.message_key)
        .join(split, split.c.message_key == messages.c.key)
        .order_by(messages.c.key, labels.c.class_name)
    )
    found: dict[bytes, tuple[str | None, str, list[Label]]] = {}
    for key, external_id, text, name in rows:
        found.setdefault(key, (external_id, text, []))[2].append(name)
    return [Disagreement(external_id, text, tuple(names)) for external_id, text, names in found.values()]


def read_for_training(engine: Engine) -> Labelled:
    """Everything training needs, as of one moment. A message with two labels counts as unlabelled."""
    with engine.connect() as connection:
        rows = connection.execute(
            select(messages.c.key, messages.c.text, messages.c.segment, labels.c.class_name)
            .join_from(messages, labels, messages.c.key == labels.c.message_key, isouter=True)
            .order_by(messages.c.key, labels.c.class_name)
        )
        found: dict[bytes, tuple[Message, list[Label]]] = {}
        for key, text, segment, name in rows:
            given = found.setdefault(key, (Message(text, segment), []))[1]
            if name is not None:
                given.append(name)
    single = [(message, names[0]) for message, names in found.values() if len(names) == 1]
    return Labelled(
        messages=[message for message, _ in single],
        labels=[label for _, label in single],
        unlabelled=[message for message, names in found.values() if len(names) != 1],
        n_disagreements=sum(len(names) > 1 for _, names in found.values()),
    )


def read_stored(connection: Connection) -> Iterator[tuple[bytes, StoredMessage]]:
    """Every message with its key, as a stream."""
    rows = connection.execution_options(yield_per=5_000).execute(
        select(messages.c.key, messages.c.text, messages.c.segment).order_by(messages.c.id)
    )
    for key, text, segment in rows:
        yield key, StoredMessage(text, segment)


def _insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(table).on_conflict_do_nothing(), rows)
