"""Messages that the service left to a person, as its recorded answers say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from firstline.errors import UnusableCell
from firstline.messages.cells import read_name, read_text
from firstline.messages.importing import masker
from firstline.messages.incoming import Names
from firstline.store.database import writing
from firstline.store.forgetting import Tombstones
from firstline.store.key import open_key
from firstline.store.messages import StoredMessage
from firstline.store.recorded import take_in_recorded
from firstline.store.records import RecordedAnswer, newest_records
from firstline.store.workspace import Workspace
from firstline.text.masks import Masker

_MOST_RECORDS, _MOST_BYTES = 1_000, 16_000_000
"""Of the recorded answers, so many of the newest are looked at, and so many bytes of their files."""


def recorded_messages(place: Workspace, n: int) -> list[int]:
    """Ids of at most `n` messages that the service did not route and nobody has labelled; what is missing is taken in.

    The whole is one transaction, so that a message which `forget` deletes meanwhile is not brought back. Raises
    `OSError`, `KeyUnusable`, `WorkspaceBusy` and `StoreUnusable`.
    """
    if not n or not place.records.is_dir():
        return []
    mask = masker(place.settings)
    with writing(place.database) as connection:
        key = open_key(place.folder, connection)
        names = Names(mask, key.hash_id)
        left = (record for record in newest_records(place.records, _MOST_BYTES) if record.decision != "route")
        found = list(_usable(islice(left, _MOST_RECORDS)))
        tombstones = Tombstones.read(connection, key.secret)
        return take_in_recorded(connection, found, lambda one: _masked(one, mask, names), tombstones, n)


def _usable(records: Iterator[RecordedAnswer]) -> Iterator[StoredMessage]:
    """As an import reads cells. A message that an import would reject is left out; the others are queued."""
    for record in records:
        try:
            text, segment = read_text(record.text), read_name(record.segment)
            yield StoredMessage(text, segment, read_name(record.id), _moment(record.at))
        except UnusableCell:
            continue


def _masked(one: StoredMessage, mask: Masker, names: Names) -> StoredMessage:
    """Under today's masks, which the service that recorded it may not have had."""
    text = "\n".join(filter(None, map(mask, one.text.split("\n"))))
    return StoredMessage(
        text, names.name(one.segment, "segment", is_read=False), names.id(one.external_id), one.sent_at
    )


def _moment(at: str) -> datetime | None:
    try:
        return datetime.fromisoformat(at).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
