"""Masking again what is stored, when the team's patterns or the built-in ones have changed."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, select

from firstline.settings import MaskPattern
from firstline.store.messages import StoredMessage, read_state, read_stored, replace_text, write_state
from firstline.store.schema import corrections
from firstline.text.masks import MASKS_VERSION, Masker

_STATE = "masks"


def remask(connection: Connection, mask: Masker, patterns: Sequence[MaskPattern]) -> int:
    """Bring stored messages up to today's masks; returns how many changed.

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
    write_state(connection, _STATE, _fingerprint(patterns))
    return len(changed)


def _remask_corrections(connection: Connection, mask: Masker) -> None:
    """Also the texts that are kept to undo an import with."""
    for row_id, text in connection.execute(select(corrections.c.id, corrections.c.text)).all():
        masked = "\n".join(map(mask, text.split("\n")))
        if masked != text:
            connection.execute(corrections.update().where(corrections.c.id == row_id).values(text=masked))


def is_up_to_date(connection: Connection, patterns: Sequence[MaskPattern]) -> bool:
    """Whether the stored messages went through these masks."""
    return read_state(connection, _STATE) == _fingerprint(patterns)


def _fingerprint(patterns: Sequence[MaskPattern]) -> str:
    said = "\x00".join((MASKS_VERSION, *(f"{item.kind}\x01{item.pattern}" for item in patterns)))
    return hashlib.sha256(said.encode()).hexdigest()
