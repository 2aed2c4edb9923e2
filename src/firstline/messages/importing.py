"""`firstline import`: one file into the store, in one transaction.

Whatever interrupts an import, the store holds either all of the file or nothing of it.
"""

from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firstline.errors import FileUnreadable, StoreUnusable
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.conversations import join_conversations
from firstline.messages.formats import open_reader
from firstline.messages.incoming import HashId, Incoming, read_rows
from firstline.messages.records import Reader, ReadingOptions, Reject
from firstline.messages.rejects import RejectsFile
from firstline.messages.remasking import remask
from firstline.settings import ColumnsSettings, Settings
from firstline.store.database import cause_of, writing
from firstline.store.key import open_key
from firstline.store.messages import (
    StoredMessage,
    add_messages,
    count_disagreements,
    count_labels,
    count_messages,
    remove_labels,
)
from firstline.store.workspace import Workspace
from firstline.text.masks import Masker
from firstline.text.rules import nfc, white_space
from firstline.types import Label

_BATCH = 5_000


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is: `done` is the part of the file that has been read, 0 to 1."""

    n_rows: int
    done: float


@dataclass(frozen=True)
class ImportReport:
    """What one import did. `n_rows` counts messages, whole conversations as one, and rejects."""

    file: str
    described: str
    columns: Mapping[str, str]
    n_rows: int
    n_new: int
    n_known: int
    n_repeated: int
    n_labelled: int
    n_new_labelled: int
    n_rejected: int
    n_disagreements: int
    n_times_unread: int
    n_masked_again: int
    is_conversation: bool
    rejects_file: str | None
    segments: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()


def masker(settings: Settings) -> Masker:
    """The masker of a workspace: the built-in patterns and the team's own."""
    return Masker(tuple((item.kind, item.pattern) for item in settings.masking.patterns))


def incoming_messages(
    reader: Reader,
    columns: ColumnMap,
    mask: Masker,
    fixed_classes: Collection[Label] = (),
    hash_id: HashId | None = None,
    temporary: Path | None = None,
) -> Iterator[Incoming | Reject]:
    """The masked messages of a file, conversations joined; with `fixed_classes`, another label is a reject.

    `hash_id` as in `read_rows`, `temporary` as in `join_conversations`.
    """
    rows = read_rows(reader, columns, mask, hash_id)
    if columns.is_conversation:
        rows = join_conversations(rows, columns.agent_values, temporary)
    if fixed_classes:
        rows = _of_classes(rows, frozenset(white_space(nfc(name)) for name in fixed_classes))
    return rows


def _of_classes(rows: Iterable[Incoming | Reject], classes: Collection[Label]) -> Iterator[Incoming | Reject]:
    for row in rows:
        if isinstance(row, Incoming) and row.label is not None and row.label not in classes:
            reason = "the class is not in the fixed list of firstline.toml"
            yield Reject(row.line, reason + _meant(row.label, classes))
        else:
            yield row


def _meant(label: Label, classes: Collection[Label]) -> str:
    by_lower = {name.casefold(): name for name in classes}
    close = get_close_matches(label.casefold(), by_lower, n=1, cutoff=0.8)
    return f"; perhaps '{by_lower[close[0]]}'" if close else ""


def import_file(
    workspace: Workspace,
    path: Path,
    said: Mapping[str, str],
    agent_values: Sequence[str] = (),
    options: ReadingOptions | None = None,
    relabel: bool = False,
) -> Generator[ImportProgress, None, ImportReport]:
    """Import one file, yielding progress; the generator's value is the report.

    With `relabel`, the labels of this file replace those that its messages have. Messages that are
    stored already are masked again where the masks have changed. Raises `InputError` for a file
    that cannot be used and `StoreUnusable` where the store cannot be written; the store is then as
    it was.
    """
    settings = workspace.settings
    remembered: ColumnsSettings = settings.columns
    reader = open_reader(path, options or ReadingOptions(text_column=said.get("text") or remembered.text or None))
    columns = find_columns(path, reader.columns, said, remembered, agent_values)
    mask = masker(settings)
    rejects_path = workspace.folder / "imports" / f"{path.name}.rejects.csv"
    with _as_it_was(path), writing(workspace.database) as connection, RejectsFile(rejects_path) as rejects:
        key = open_key(workspace.folder, connection)
        rows = incoming_messages(reader, columns, mask, settings.classes.fixed, key.hash_id, workspace.temporary)
        n_masked_again = remask(connection, mask, settings.masking.patterns)
        before = count_messages(connection), count_labels(connection)
        tally: Counter[str] = Counter()
        segments: Counter[str] = Counter()
        seen: set[bytes] = set()
        relabelled: set[bytes] = set()
        for batch in _batches(rows, rejects, tally, segments, "sent_at" in columns.names):
            keyed = [(item.key, item) for item in batch]
            if relabel:
                _forget_labels(connection, keyed, relabelled)
            add_messages(connection, keyed, "import")
            seen.update(key for key, _ in keyed)
            yield ImportProgress(tally["rows"], reader.done())
        _require_rows(path, tally, rejects)
        after = count_messages(connection), count_labels(connection)
        n_disagreements = count_disagreements(connection)
    n_new = after[0] - before[0]
    return ImportReport(
        file=str(path),
        described=reader.described,
        columns=dict(columns.names),
        n_rows=tally["rows"],
        n_new=n_new,
        n_known=len(seen) - n_new,
        n_repeated=tally["messages"] - len(seen),
        n_labelled=tally["labelled"],
        n_new_labelled=after[1] - before[1],
        n_rejected=rejects.count,
        n_disagreements=n_disagreements,
        n_times_unread=tally["times unread"],
        n_masked_again=n_masked_again,
        is_conversation=columns.is_conversation,
        rejects_file=str(rejects_path) if rejects.count else None,
        segments=dict(segments),
        notes=columns.notes,
    )


@contextmanager
def _as_it_was(path: Path) -> Iterator[None]:
    """What goes wrong while the transaction is open, in words; it has been undone by then."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StoreUnusable(
            f"The database could not be written: {cause_of(error)}.",
            "It is as it was before. Check the free space and run the import again.",
        ) from error
    except OSError as error:
        raise FileUnreadable(
            f"The import of {path} stopped: {error.strerror or type(error).__name__}.",
            "The workspace is as it was. Check the file and the free space.",
        ) from error


def _forget_labels(
    connection: Connection, keyed: Sequence[tuple[bytes, StoredMessage]], relabelled: set[bytes]
) -> None:
    """Take the earlier labels from messages that this file labels, each once: two labels in it stay two."""
    again = {key for key, item in keyed if item.label} - relabelled
    remove_labels(connection, again)
    relabelled |= again


def _batches(
    rows: Iterable[Incoming | Reject],
    rejects: RejectsFile,
    tally: Counter[str],
    segments: Counter[str],
    timed: bool,
) -> Iterator[list[StoredMessage]]:
    batch: list[StoredMessage] = []
    for row in rows:
        tally["rows"] += 1
        if isinstance(row, Reject):
            rejects.add(row)
            continue
        tally["messages"] += 1
        tally["labelled"] += row.label is not None
        tally["times unread"] += timed and row.sent_at is None
        if row.segment:
            segments[row.segment] += 1
        batch.append(StoredMessage(row.text, row.segment, row.external_id, row.sent_at, row.label))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def _require_rows(path: Path, tally: Counter[str], rejects: RejectsFile) -> None:
    if tally["messages"]:
        return
    if rejects.first is None:
        raise FileUnreadable(f"{path} has a header and no rows.", "Export it again.")
    raise FileUnreadable(
        f"{path}: none of its {tally['rows']:,} rows can be used;"
        f" the first, line {rejects.first.line}: {rejects.first.reason}.",
        "Check the columns and the encoding, or name them: --text, --encoding, --delimiter",
    )
