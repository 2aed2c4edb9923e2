"""Rows of a sheet of stored messages, whose ids are the keys of these messages."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import Connection, select

from firstline.store.messages import StoredMessage, parts
from firstline.store.schema import messages


def as_stored(connection: Connection, batch: Sequence[StoredMessage]) -> list[StoredMessage]:
    """The rows with text and segment as they are stored, without an id; those whose message is gone are left out.

    If there is no message with the key, as after new masks, the row is for the message with its text and segment. A row
    without an id stays as it is. A row with the key of one message and exactly the text of another is left out: one
    column was sorted without the others.
    """
    named = {item.external_id: _key(item.external_id) for item in batch if item.external_id}
    wanted = {key for key in named.values() if key} | {item.key for item in batch if item.external_id}
    found: dict[bytes, StoredMessage] = {}
    for part in parts(sorted(wanted)):
        rows = select(messages.c.key, messages.c.text, messages.c.segment).where(messages.c.key.in_(part))
        found.update((key, StoredMessage(text, segment)) for key, text, segment in connection.execute(rows))
    left = []
    for item in batch:
        if not item.external_id:
            left.append(item)
            continue
        by_key, by_text = found.get(named[item.external_id] or b""), found.get(item.key)
        known = by_key or by_text
        if known and (by_text is None or by_text == known):
            left.append(replace(item, text=known.text, segment=known.segment, external_id=None))
    return left


def _key(written: str) -> bytes | None:
    try:
        return UUID(written).bytes
    except ValueError:
        return None
