"""Masking again what is stored, when the team's patterns or the built-in ones have changed."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection

from firstline.settings import MaskPattern
from firstline.store.messages import StoredMessage, read_state, read_stored, replace_text, write_state
from firstline.text.masks import MASKS_VERSION, Masker

_STATE = "masks"


def remask(connection: Connection, mask: Masker, patterns: Sequence[MaskPattern]) -> int:
    """Bring stored messages up to today's masks; returns how many changed.

    Does nothing where the masks are those of the last time. What was masked stays masked: nothing
    can be taken back. Messages that become the same are joined, with the labels of both. The lines of
    a conversation stay lines, without those that show no text any more.
    """
    if is_up_to_date(connection, patterns):
        return 0
    changed = []
    for key, message in read_stored(connection):
        # What shows no text under today's masks, such as an image alone, stays as it was masked then.
        masked = "\n".join(filter(None, map(mask, message.text.split("\n")))) or message.text
        if masked != message.text:
            changed.append((key, StoredMessage(masked, message.segment)))
    for key, message in changed:
        replace_text(connection, key, message)
    write_state(connection, _STATE, _fingerprint(patterns))
    return len(changed)


def is_up_to_date(connection: Connection, patterns: Sequence[MaskPattern]) -> bool:
    """Whether the stored messages went through these masks."""
    return read_state(connection, _STATE) == _fingerprint(patterns)


def _fingerprint(patterns: Sequence[MaskPattern]) -> str:
    said = "\x00".join((MASKS_VERSION, *(f"{item.kind}\x01{item.pattern}" for item in patterns)))
    return hashlib.sha256(said.encode()).hexdigest()
