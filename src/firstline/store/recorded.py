"""Messages that came from the recorded answers of the service, so that a person can label them.

They are the ones that the model found difficult, so nothing that is drawn at random counts on them.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select

from firstline.store.forgetting import Tombstones
from firstline.store.messages import ID_OF_KEY, StoredMessage, find_message, insert_new, now, parts
from firstline.store.related import is_related
from firstline.store.schema import imports, in_force, labels, message_ids, messages, remarks

SOURCE = "service"
"""The system that their ids are from."""
_FILE = "records/"
"""The file of their import; no file that a person imports has such a name."""


def is_recorded() -> ColumnElement[bool]:
    """Whether a message came from the service, and from no file before."""
    taken_in = select(imports.c.id).where(imports.c.file == _FILE)
    return func.coalesce(messages.c.import_id, 0).in_(taken_in)


def take_in_recorded(
    connection: Connection,
    records: Sequence[StoredMessage],
    masked: Callable[[StoredMessage], StoredMessage],
    tombstones: Tombstones,
    n: int,
) -> list[int]:
    """Ids of at most `n` messages of `records` that nobody has labelled; those that are not stored are taken in.

    Stored ones come first, so that no more are taken in than people label; otherwise in the order of `records`.
    `masked` applies today's masks. Left out: what was forgotten, what waits for a lead, and other texts of an id, as a
    ticket has after an update, because `forget` would find only one of them.
    """
    by_key = {one.key: one for one in reversed(records)}
    ordered = list(dict.fromkeys(one.key for one in records))
    known: dict[bytes, tuple[int, bool]] = {}
    for part in parts(ordered):
        rows = connection.execute(select(messages.c.key, messages.c.id, _is_closed()).where(messages.c.key.in_(part)))
        known.update((key, (place, bool(is_closed))) for key, place, is_closed in rows)
    found = [known[key][0] for key in ordered if key in known and not known[key][1]][:n]
    for key in ordered:
        if len(found) >= n:
            break
        place = None if key in known else _take_in(connection, masked(by_key[key]), tombstones)
        if place is not None and place not in found:
            found.append(place)
    return found


def _take_in(connection: Connection, item: StoredMessage, tombstones: Tombstones) -> int | None:
    """Store one message with its id; None if it is left out."""
    if not item.text or tombstones.covers(item, SOURCE) or _has_other_text(connection, item):
        return None
    import_id = _import(connection)
    content = {"key": item.key, "text": item.text, "segment": item.segment, "sent_at": item.sent_at}
    insert_new(connection, messages, [{**content, "import_id": import_id}])
    if item.external_id:
        # Ids such as the places in a batch come again with other texts; the first one keeps it, as in an import.
        known = {"source": SOURCE, "external_id": item.external_id, "of_key": item.key}
        imported = {"import_id": import_id, "last_import_id": import_id}
        insert_new(connection, message_ids, [{**known, **imported}], message_id=ID_OF_KEY)
    place = find_message(connection, item.key)
    closed = connection.execute(select(_is_closed()).where(messages.c.id == place)).scalar()
    return None if closed else place


def _has_other_text(connection: Connection, item: StoredMessage) -> bool:
    """Whether the id of a message belongs to an earlier or later text of the same."""
    own = (message_ids.c.source == SOURCE, message_ids.c.external_id == item.external_id)
    text = select(messages.c.text).join_from(message_ids, messages).where(*own)
    before = connection.execute(text).scalar() if item.external_id else None
    return before is not None and before != item.text and is_related(before, item.text)


def _is_closed() -> ColumnElement[bool]:
    """Whether a message has a label, or waits for a lead."""
    unsure = (remarks.c.kind == "unsure", remarks.c.settled_at.is_(None))
    return or_(
        exists().where(labels.c.message_id == messages.c.id, in_force),
        exists().where(remarks.c.message_id == messages.c.id, *unsure),
    )


def _import(connection: Connection) -> int:
    """The one import that all of them belong to. `import --undo` passes it over."""
    found = connection.execute(select(imports.c.id).where(imports.c.file == _FILE)).scalar()
    if found is None:
        made = {"file": _FILE, "source": SOURCE, "at": now(), "undone_at": now()}
        found = connection.execute(imports.insert().values(made).returning(imports.c.id)).scalar_one()
    return int(found)
