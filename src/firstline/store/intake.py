"""Takes one file into the store: new messages, corrections, labels.

A message with an id is identified by (source, id); another text for the same id is a correction. A message without one
is identified by text and segment. Everything happens in the caller's transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    func,
    or_,
    select,
)

from firstline.errors import SourceUnclear
from firstline.store.by_key import as_stored
from firstline.store.classes import retired_names
from firstline.store.correcting import Correction, Corrector, Known
from firstline.store.forgetting import Tombstones
from firstline.store.former_names import ids_now, names_now
from firstline.store.messages import ID_OF_KEY, StoredMessage, insert_new, now, parts
from firstline.store.relabelling import begin_settling, note_labels, settle
from firstline.store.related import is_related
from firstline.store.schema import classes, imports, in_force, labels, message_ids, messages
from firstline.store.undo import close_if_unchanged
from firstline.types import Label

_MOST_UNRELATED = 1 / 20


@dataclass
class Tally:
    """What an import changed.

    `n_corrected` known ids have a new text or segment. `n_shared_ids` rows have the id of another row of the file but
    another text, and are stored without the id. `n_replaced` labels were replaced by another, `n_taken_away` were
    removed. `n_forgotten` rows were skipped because they were forgotten earlier, `n_gone` because the message with
    their key is not stored, or is not that of their text. `new_classes` were added to those that the workspace had
    before; empty if it had none. `renamed` are former names in the file, with the classes that they are now; `retired`
    are its classes that are out of use. `n_random` labels are of messages that were drawn at random.
    """

    n_new: int = 0
    n_known: int = 0
    n_repeated: int = 0
    n_corrected: int = 0
    n_shared_ids: int = 0
    n_new_labelled: int = 0
    n_replaced: int = 0
    n_taken_away: int = 0
    n_forgotten: int = 0
    n_gone: int = 0
    new_classes: list[Label] = field(default_factory=list)
    renamed: dict[Label, Label] = field(default_factory=dict)
    retired: list[Label] = field(default_factory=list)
    n_random: int = 0


class Intake:
    """A running import.

    `has_segments`: the file has a segment column; without one, known ids keep their segments. `settles_labels`: the
    labels of the file replace others, and an empty label removes them. `is_source_named`: the user named the source of
    the ids. Messages that `tombstones` cover are skipped. With `are_ids_keys`, ids are keys of stored messages, which
    get the labels and change in nothing else. `is_random`: the messages were drawn at random.
    """

    def __init__(
        self,
        connection: Connection,
        file: str,
        source: str,
        *,
        has_segments: bool = True,
        settles_labels: bool = False,
        is_source_named: bool = False,
        tombstones: Tombstones | None = None,
        are_ids_keys: bool = False,
        is_random: bool = False,
    ) -> None:
        self._is_random = is_random
        self._are_ids_keys = are_ids_keys
        self._tombstones = tombstones or None
        self.source = source
        self._connection = connection
        self._file = file
        self._has_segments = has_segments
        self._settles_labels = settles_labels
        self._is_source_named = is_source_named
        self._tally = Tally()
        self._keys: set[bytes] = set()
        self._class_ids: dict[str, int] = {}
        self._n_messages = self._n_matched = self._n_unrelated = 0
        self._corrected: dict[str, Correction] = {}
        self._waiting: list[tuple[bytes, StoredMessage]] = []
        started = connection.execute(imports.insert().values(file=file, source=source, at=now()))
        self.id = int(started.inserted_primary_key[0])  # type: ignore[index]
        if settles_labels:
            begin_settling(connection)

    def add(self, batch: Sequence[StoredMessage]) -> None:
        """Store some messages of the file."""
        left = self._not_forgotten(batch)
        if self._are_ids_keys:
            stored = as_stored(self._connection, left)
            self._tally.n_gone += len(left) - len(stored)
            left = stored
        keyed = self._identified(left)
        self._count(keyed)
        self._add_messages(keyed)
        self._add_ids(keyed)
        self._add_labels(keyed)

    def _count(self, keyed: Sequence[tuple[bytes, StoredMessage]]) -> None:
        self._n_messages += len(keyed)
        self._keys.update(key for key, _ in keyed)

    def finish(self) -> Tally:
        """Apply corrections and count the changes.

        Raises `SourceUnclear` if more than a twentieth of the known ids have unrelated texts.
        """
        if self._n_unrelated > _MOST_UNRELATED * self._n_matched and not self._is_source_named:
            raise SourceUnclear(
                f"{self._file}: {self._n_unrelated:,} of {self._n_matched:,} known ids of '{self.source}' have an"
                " unrelated text here, as if they came from another system.",
                "Nothing was imported. If they come from another system, name it: --source NAME;"
                f" if their texts were corrected: --source {self.source}",
            )
        tally = self._tally
        tally.n_corrected = len(self._corrected)
        corrector = Corrector(self._connection, self.id, self.source)
        corrector.apply(list(self._corrected.values()))
        self._count(self._waiting)
        for part in parts(self._waiting):
            self._add_labels(part)
        if self._settles_labels:
            tally.n_replaced, tally.n_taken_away = settle(self._connection, self.id)
        brought = select(func.count()).where(messages.c.import_id == self.id)
        tally.n_new = self._connection.execute(brought).scalar_one() - corrector.n_made
        tally.n_repeated = self._n_messages - len(self._keys)
        tally.n_known = len(self._keys) - tally.n_new - tally.n_corrected
        tally.n_new_labelled = self._count_newly_labelled()
        tally.new_classes = self._new_classes()
        drawn = select(func.count()).where(labels.c.import_id == self.id, labels.c.is_random, in_force)
        tally.n_random = self._connection.execute(drawn).scalar_one()
        renamed, retired = names_now(self._connection), retired_names(self._connection)
        tally.renamed = {name: renamed[name] for name in sorted(self._class_ids) if name in renamed}
        tally.retired = sorted(retired & {renamed.get(name, name) for name in self._class_ids})
        close_if_unchanged(self._connection, self.id)
        return tally

    def _not_forgotten(self, batch: Sequence[StoredMessage]) -> Sequence[StoredMessage]:
        buried = self._tombstones
        if buried is None:
            return batch
        left = [item for item in batch if not buried.covers(item, self.source)]
        self._tally.n_forgotten += len(batch) - len(left)
        return left

    def _identified(self, batch: Sequence[StoredMessage]) -> list[tuple[bytes, StoredMessage]]:
        """The messages with their keys, without corrections. If rows share an id, the first keeps it."""
        known = self._known({item.external_id for item in batch if item.external_id})
        here: dict[str, bytes] = {}
        touched: list[str] = []
        keyed: list[tuple[bytes, StoredMessage]] = []
        for given in batch:
            if not given.external_id:
                keyed.append((given.key, given))
                continue
            found = known.get(given.external_id)
            item = replace(given, segment=found.segment) if found and not self._has_segments else given
            key = item.key
            corrected = self._corrected.get(given.external_id)
            before = corrected.key if corrected else here.get(given.external_id)
            if before is None and found and found.last_import == self.id:
                before = found.key
            if before is None:
                here[given.external_id] = key
                if found:
                    touched.append(given.external_id)
                    self._match(item, key, found)
            if given.external_id in self._corrected and before in (None, key):
                # It gets its label once the message has the new text.
                self._waiting.append((key, item))
                continue
            is_shared = before is not None and before != key
            self._tally.n_shared_ids += is_shared
            keyed.append((key, replace(item, external_id=None) if is_shared else item))
        for part in parts(touched):
            self._connection.execute(message_ids.update().where(self._is_own(part)).values(last_import_id=self.id))
        return keyed

    def _known(self, ids: Iterable[str]) -> dict[str, Known]:
        """The known ones among `ids`. Known ids without a source get this one."""
        found: dict[str, Known] = {}
        adopted: list[str] = []
        columns = (message_ids.c.source, message_ids.c.external_id, message_ids.c.last_import_id)
        of_message = (messages.c.id, messages.c.key, messages.c.text, messages.c.segment)
        for part in parts(sorted(ids)):
            rows = self._connection.execute(
                select(*columns, *of_message)
                .join_from(message_ids, messages)
                .where(message_ids.c.source.in_((self.source, "")), message_ids.c.external_id.in_(part))
                .order_by(message_ids.c.source.desc())
            )
            for source, external_id, last_import, message_id, key, text, segment in rows:
                if external_id not in found:
                    found[external_id] = Known(message_id, key, text, segment, last_import)
                    if source != self.source:
                        adopted.append(external_id)
        for part in parts(adopted):
            unnamed = and_(message_ids.c.source == "", message_ids.c.external_id.in_(part))
            self._connection.execute(message_ids.update().where(unnamed).values(source=self.source))
        return found

    def _is_own(self, ids: Sequence[str]) -> ColumnElement[bool]:
        return and_(message_ids.c.source == self.source, message_ids.c.external_id.in_(ids))

    def _match(self, item: StoredMessage, key: bytes, found: Known) -> None:
        """Note a known id, and a correction if its text or segment differs."""
        self._n_matched += 1
        if key == found.key:
            return
        self._n_unrelated += not is_related(found.text, item.text)
        self._corrected[item.external_id or ""] = Correction(item, key, found)

    def _add_messages(self, keyed: Sequence[tuple[bytes, StoredMessage]]) -> None:
        rows = [
            {
                "key": key,
                "text": item.text,
                "segment": item.segment,
                "sent_at": item.sent_at,
                "import_id": self.id,
            }
            for key, item in keyed
        ]
        insert_new(self._connection, messages, rows)

    def _add_ids(self, keyed: Sequence[tuple[bytes, StoredMessage]]) -> None:
        rows = [
            {
                "source": self.source,
                "external_id": item.external_id,
                "import_id": self.id,
                "last_import_id": self.id,
                "of_key": key,
            }
            for key, item in keyed
            if item.external_id
        ]
        insert_new(self._connection, message_ids, rows, message_id=ID_OF_KEY)

    def _add_labels(self, keyed: Sequence[tuple[bytes, StoredMessage]]) -> None:
        self._learn_classes({item.label for _, item in keyed if item.label})
        at = now()
        rows = [
            {
                "class_id": self._class_ids[item.label],
                "source": "import",
                "by": item.labelled_by,
                "at": at,
                "import_id": self.id,
                "is_random": self._is_random,
                "of_key": key,
            }
            for key, item in keyed
            if item.label
        ]
        insert_new(self._connection, labels, rows, message_id=ID_OF_KEY)
        if self._settles_labels:
            settled = [
                {"class_id": self._class_ids[item.label] if item.label else None, "of_key": key} for key, item in keyed
            ]
            note_labels(self._connection, settled)

    def _learn_classes(self, names: set[str]) -> None:
        missing = sorted(names - self._class_ids.keys())
        if missing:
            rows = [{"name": name, "kind": "normal", "import_id": self.id} for name in missing]
            insert_new(self._connection, classes, rows)
            for part in parts(missing):
                found = select(classes.c.name, classes.c.id).where(classes.c.name.in_(part))
                self._class_ids.update((name, class_id) for name, class_id in self._connection.execute(found))
            now_called = ids_now(self._connection)
            for name in missing:
                self._class_ids[name] = now_called.get(self._class_ids[name], self._class_ids[name])

    def _new_classes(self) -> list[Label]:
        rows = self._connection.execute(select(classes.c.name, classes.c.import_id).order_by(classes.c.name)).all()
        new = [name for name, import_id in rows if import_id == self.id]
        return new if len(new) < len(rows) else []

    def _count_newly_labelled(self) -> int:
        other = labels.alias()
        before = exists().where(
            other.c.message_id == labels.c.message_id,
            func.coalesce(other.c.import_id, 0) != self.id,
            or_(other.c.superseded_at.is_(None), other.c.superseded_import == self.id),
        )
        counted = select(func.count(labels.c.message_id.distinct()))
        return self._connection.execute(counted.where(labels.c.import_id == self.id, in_force, ~before)).scalar_one()
