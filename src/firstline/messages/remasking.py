"""Masking again what is stored, when the team's patterns or the built-in ones have changed."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, select

from firstline.messages.incoming import HashId
from firstline.settings import MaskPattern
from firstline.store.messages import StoredMessage, read_state, read_stored, replace_text, write_state
from firstline.store.schema import corrections, message_ids
from firstline.text.masks import MASKS_VERSION, Masker
from firstline.text.personal import holds_personal_data

_STATE = "masks"
_HASHED_IDS = "hashed ids"
"""Part of what a workspace has gone through: earlier versions stored ids as they came."""


def remask(connection: Connection, mask: Masker, patterns: Sequence[MaskPattern], hash_id: HashId) -> int:
    """Bring stored messages up to today's masks, and ids to `hash_id`; returns how many messages changed.

    Does nothing where the masks are those of the last time. What was masked stays masked: nothing
    can be taken back. Messages that become the same are joined, with the labels of both. The lines of
    a conversation stay lines.
    """
    if is_up_to_date(connection, patterns):
        return 0
    changed = []
    for message_id, message in read_stored(connection):
        masked = "\n".join(mask(line) for line in message.text.split("\n"))
        if masked != message.text:
            changed.append((message_id, StoredMessage(masked, message.segment)))
    for message_id, message in changed:
        replace_text(connection, message_id, message)
    _remask_corrections(connection, mask)
    _hash_ids(connection, mask, hash_id)
    write_state(connection, _STATE, _fingerprint(patterns))
    return len(changed)


def _remask_corrections(connection: Connection, mask: Masker) -> None:
    """Also the texts that are kept to undo an import with."""
    for row_id, text in connection.execute(select(corrections.c.id, corrections.c.text)).all():
        masked = "\n".join(map(mask, text.split("\n")))
        if masked != text:
            connection.execute(corrections.update().where(corrections.c.id == row_id).values(text=masked))


def _hash_ids(connection: Connection, mask: Masker, hash_id: HashId) -> None:
    """Ids that hold personal data by today's masks, or came before ids were hashed at all."""
    for table in (message_ids, corrections):
        for (found,) in connection.execute(select(table.c.external_id).distinct()).all():
            if holds_personal_data(found, mask):
                same = table.c.external_id == found
                connection.execute(table.update().where(same).values(external_id=hash_id(found)))


def is_up_to_date(connection: Connection, patterns: Sequence[MaskPattern]) -> bool:
    """Whether the stored messages went through these masks."""
    return read_state(connection, _STATE) == _fingerprint(patterns)


def _fingerprint(patterns: Sequence[MaskPattern]) -> str:
    said = "\x00".join((MASKS_VERSION, _HASHED_IDS, *(f"{item.kind}\x01{item.pattern}" for item in patterns)))
    return hashlib.sha256(said.encode()).hexdigest()
