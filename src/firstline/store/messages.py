"""Messages and labels in the workspace database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection, Engine, Table, distinct, func, select
from sqlalchemy.dialects import postgresql, sqlite

from firstline.store.schema import classes, labels, messages
from firstline.types import Label, Message


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
    """One text with more than one label."""

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


def count_messages(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(messages)).scalar_one()


def count_labels(connection: Connection) -> int:
    """Messages that have at least one label."""
    return connection.execute(select(func.count(distinct(labels.c.message_key)))).scalar_one()


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
        return frozenset(key for (key,) in connection.execute(select(distinct(labels.c.message_key))))


def disagreements(connection: Connection) -> list[Disagreement]:
    """Every text with more than one label, in a fixed order."""
    split = select(labels.c.message_key).group_by(labels.c.message_key).having(func.count() > 1).subquery()
    rows = connection.execute(
        select(messages.c.key, messages.c.text, labels.c.class_name)
        .join_from(messages, labels, messages.c.key == labels.c.message_key)
        .join(split, split.c.message_key == messages.c.key)
        .order_by(messages.c.key, labels.c.class_name)
    )
    found: dict[bytes, tuple[str, list[Label]]] = {}
    for key, text, name in rows:
        found.setdefault(key, (text, []))[1].append(name)
    return [Disagreement(text, tuple(names)) for text, names in found.values()]


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


def _insert_new(connection: Connection, table: Table, rows: Sequence[dict[str, object]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(table).on_conflict_do_nothing(), rows)
