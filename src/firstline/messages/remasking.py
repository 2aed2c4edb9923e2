"""Masks stored messages again when the team's patterns or the built-in ones have changed."""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, and_, select

from firstline.messages.incoming import HashId, Names
from firstline.settings import MaskPattern
from firstline.store.messages import (
    StoredMessage,
    join_classes,
    read_state,
    read_stored,
    replace_text,
    write_state,
)
from firstline.store.schema import classes, corrections, message_ids
from firstline.text.masks import MASKS_VERSION, Masker
from firstline.text.personal import holds_personal_data

_STATE = "masks"


def remask(connection: Connection, mask: Masker, patterns: Sequence[MaskPattern], hash_id: HashId) -> int:
    """Bring stored messages up to today's masks; returns how many changed.

    Does nothing if the masks have not changed. A mask is never undone, because the text is gone. Messages that
    become equal are joined, with the labels of both. The lines of a conversation stay lines, without those that
    have no text any more. Ids that hold personal data become
    hashes, and names of classes and segments are masked.
    """
    if is_up_to_date(connection, patterns):
        return 0
    names = Names(mask, hash_id)
    segments: dict[str | None, str | None] = {}
    changed = []
    for message_id, message in read_stored(connection):
        if message.segment not in segments:
            segments[message.segment] = _masked_name(message.segment, mask)
        segment = segments[message.segment]
        masked = _masked_text(message.text, mask)
        if (masked, segment) != (message.text, message.segment):
            changed.append((message_id, StoredMessage(masked, segment)))
    for message_id, message in changed:
        replace_text(connection, message_id, message)
    _remask_corrections(connection, mask)
    _hide_ids(connection, names)
    _mask_classes(connection, mask)
    write_state(connection, _STATE, _fingerprint(patterns))
    return len(changed)


def _masked_text(text: str, mask: Masker) -> str:
    # A message without text under today's masks, such as a lone image, keeps its earlier masks.
    return "\n".join(filter(None, map(mask, text.split("\n")))) or text


def _masked_name(name: str | None, mask: Masker) -> str | None:
    return mask(name) if name and holds_personal_data(name, mask) else name


def _remask_corrections(connection: Connection, mask: Masker) -> None:
    """Also the texts that are kept to undo an import with."""
    for row_id, text in connection.execute(select(corrections.c.id, corrections.c.text)).all():
        masked = _masked_text(text, mask)
        if masked != text:
            connection.execute(corrections.update().where(corrections.c.id == row_id).values(text=masked))


def _hide_ids(connection: Connection, names: Names) -> None:
    known = connection.execute(select(message_ids.c.source, message_ids.c.external_id)).all()
    taken = {(source, external_id) for source, external_id in known}
    for source, external_id in known:
        hidden = names.id(external_id)
        if hidden == external_id:
            continue
        own = and_(message_ids.c.source == source, message_ids.c.external_id == external_id)
        if (source, hidden) in taken:
            connection.execute(message_ids.delete().where(own))
        else:
            connection.execute(message_ids.update().where(own).values(external_id=hidden))
        same = and_(corrections.c.source == source, corrections.c.external_id == external_id)
        connection.execute(corrections.update().where(same).values(external_id=hidden))


def _mask_classes(connection: Connection, mask: Masker) -> None:
    ids = {name: class_id for class_id, name in connection.execute(select(classes.c.id, classes.c.name))}
    for name, class_id in sorted(ids.items()):
        masked = _masked_name(name, mask)
        if masked is None or masked == name:
            continue
        if masked in ids:
            join_classes(connection, class_id, ids[masked])
        else:
            connection.execute(classes.update().where(classes.c.id == class_id).values(name=masked))
            ids[masked] = class_id


def is_up_to_date(connection: Connection, patterns: Sequence[MaskPattern]) -> bool:
    """Whether the stored messages went through these masks."""
    return read_state(connection, _STATE) == _fingerprint(patterns)


def _fingerprint(patterns: Sequence[MaskPattern]) -> str:
    said = "\x00".join((MASKS_VERSION, *(f"{item.kind}\x01{item.pattern}" for item in patterns)))
    return hashlib.sha256(said.encode()).hexdigest()
