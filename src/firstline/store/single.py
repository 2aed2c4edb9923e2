"""One stored message with its ids, and the messages that an id of another system means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from firstline.store.schema import message_ids, messages

LARGEST_ID = 2**31 - 1
_MOST_IDS = 20


@dataclass(frozen=True)
class SingleMessage:
    """A message as it is stored. `ids` are the first 20 of `n_ids`, each as (system, id)."""

    id: int
    key: bytes
    text: str
    segment: str | None
    sent_at: datetime | None
    ids: tuple[tuple[str, str], ...]
    n_ids: int


def read_message(connection: Connection, message_id: int) -> SingleMessage | None:
    """The message with this id; None if there is none."""
    if not 0 < message_id <= LARGEST_ID:
        return None
    row = connection.execute(select(messages).where(messages.c.id == message_id)).mappings().first()
    if row is None:
        return None
    named = select(message_ids.c.source, message_ids.c.external_id).where(message_ids.c.message_id == message_id)
    named = named.order_by(message_ids.c.source, message_ids.c.external_id)
    n_ids = connection.execute(
        select(func.count()).select_from(message_ids).where(message_ids.c.message_id == message_id)
    ).scalar_one()
    return SingleMessage(
        id=row["id"],
        key=row["key"],
        text=row["text"],
        segment=row["segment"],
        sent_at=row["sent_at"],
        ids=tuple((source, name) for source, name in connection.execute(named.limit(_MOST_IDS))),
        n_ids=n_ids,
    )


def messages_of_id(connection: Connection, names: Sequence[str]) -> list[int]:
    """The messages that have one of a few ids in any system, each once."""
    found: list[int] = []
    for source in _sources(connection):
        meant = message_ids.c.external_id.in_(names)
        wanted = select(message_ids.c.message_id).where(message_ids.c.source == source, meant)
        found += connection.execute(wanted.order_by(message_ids.c.message_id)).scalars()
    return list(dict.fromkeys(found))


def _sources(connection: Connection) -> Iterator[str]:
    """The systems, one by one from the index: a million ids have but a few."""
    lowest = select(func.min(message_ids.c.source))
    source = connection.execute(lowest).scalar()
    while source is not None:
        yield source
        source = connection.execute(lowest.where(message_ids.c.source > source)).scalar()
