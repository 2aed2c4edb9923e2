"""`firstline import`: one file into the store, in one transaction.

Whatever interrupts an import, the store holds either all of the file or nothing of it.
"""

import re
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from firstline.errors import ColumnMissing, FileUnreadable, StoreUnusable, UsageError
from firstline.messages.cells import PLACEHOLDERS
from firstline.messages.column_names import names_columns, unused_columns
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.conversations import join_conversations
from firstline.messages.exports.corrections import KEY_COLUMN, CorrectionsReader, of_messages
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.incoming import HashId, Incoming, read_rows
from firstline.messages.records import Reader, ReadingOptions, Reject
from firstline.messages.rejects import RejectsFile
from firstline.messages.remasking import remask
from firstline.messages.survey import NOTHING_FOUND, Known, Survey, survey
from firstline.processes import n_usable_cores
from firstline.settings import ColumnsSettings, Settings
from firstline.store.classes import keep_kinds
from firstline.store.database import rehearsing, writing
from firstline.store.forgetting import Tombstones
from firstline.store.intake import Intake, Tally
from firstline.store.key import WorkspaceKey, open_key
from firstline.store.messages import StoredMessage, class_names, count_disagreements, has_messages
from firstline.store.undo import Undone, undo_last_import
from firstline.store.workspace import Workspace
from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data
from firstline.text.rules import nfc, white_space
from firstline.types import Label

_BATCH = 5_000
_SAMPLE = 5
_LONGEST_SOURCE = 100
_LARGE_BYTES = 4_000_000
"""From here on it pays to start another process."""
_DATE_OR_COPY = re.compile(
    r"[ _\-.]*(?:\(\d{1,3}\)|(?<!\d)(?:\d{1,2}[ _\-.]){0,2}(?:19|20)\d\d(?:[ _\-.:T]?\d\d){0,5}(?!\d))"
)


@dataclass(frozen=True)
class ImportProgress:
    """How far an import is: `done` is the part of the file that has been read, 0 to 1."""

    n_rows: int
    done: float


@dataclass(frozen=True)
class ImportReport:
    """What one import did. `n_rows` counts messages, whole conversations as one, and rejects.

    See `Tally` for what has changed in the store; `source` is the system that the ids come from. A rehearsal has
    five messages in `sample`, masked. `unused` names columns that nothing was read from. `n_none` rows have a label
    that means none of the classes. `dates` says how dates such as 01/02/2026 were read, and why; `line_without_time`
    is the first line whose time could not be read.
    """

    file: str
    described: str
    columns: Mapping[str, str]
    source: str
    n_rows: int
    n_new: int
    n_known: int
    n_repeated: int
    n_corrected: int
    n_shared_ids: int
    n_labelled: int
    n_new_labelled: int
    n_replaced: int
    n_taken_away: int
    n_forgotten: int
    n_gone: int
    n_rejected: int
    n_disagreements: int
    n_times_unread: int
    n_masked_again: int
    n_cut: int
    is_conversation: bool
    rejects_file: str | None
    segments: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[Label, int] = field(default_factory=dict)
    n_none: int = 0
    dates: str | None = None
    line_without_time: int | None = None
    reject_reasons: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    sample: Sequence[StoredMessage] = ()
    unused: Sequence[str] = ()
    new_classes: Sequence[Label] = ()
    renamed: Mapping[Label, Label] = field(default_factory=dict)
    retired: Sequence[Label] = ()
    n_random: int = 0


def masker(settings: Settings) -> Masker:
    """The masker of a workspace: the built-in patterns and the team's own."""
    return Masker(tuple((item.kind, item.pattern) for item in settings.masking.patterns))


def incoming_messages(
    reader: Reader,
    columns: ColumnMap,
    mask: Masker,
    fixed_classes: Collection[Label] = (),
    *,
    cut_quotes: bool,
    keeps_lines: bool = False,
    hash_id: HashId | None = None,
    temporary: Path | None = None,
    by_two_cores: bool = False,
    found: Survey = NOTHING_FOUND,
) -> Iterator[Incoming | Reject]:
    """The masked messages of a file, conversations joined; with `fixed_classes`, another label is a reject.

    With `cut_quotes`, e-mails lose their quoted replies and signatures. `hash_id`, `by_two_cores`, `found` and
    `keeps_lines` as in `read_rows`, `temporary` as in `join_conversations`.
    """
    rows = read_rows(
        reader,
        columns,
        mask,
        hash_id,
        cut_quotes=cut_quotes,
        by_two_cores=by_two_cores,
        found=found,
        keeps_lines=keeps_lines,
    )
    if columns.is_conversation:
        rows = join_conversations(rows, columns.agent_values, temporary, columns.names["author"])
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
    source: str | None = None,
    is_rehearsal: bool = False,
    date_order: Literal["", "day_first", "month_first"] = "",
    is_random: bool = False,
) -> Generator[ImportProgress, None, ImportReport]:
    """Import one file, yielding progress; the generator's value is the report.

    With `relabel`, the labels of this file replace those that its messages have, and an empty label removes them.
    `source` names the system that the ids come from, by default the file's name without dates. Stored messages are
    masked again if the masks have changed. `date_order` says how to read 01/02/2026; if empty, the column or the
    settings decide. `is_random`: the messages were drawn at random, so their labels measure the champion before they
    are learned. A rehearsal returns the same report and five of the messages, and stores nothing. Raises `InputError`
    if the file cannot be used, and `StoreUnusable` if the store cannot be written; the store is then unchanged.
    """
    check_source(source)
    opened = _open(workspace, path, said, agent_values, options, date_order)
    if (relabel or is_random) and "label" not in opened.columns.names:
        option = "--relabel" if relabel else "--random"
        raise ColumnMissing(f"{path}: {option} needs a column with labels.", "Name it: --label COLUMN")
    rejects_path = workspace.folder / "imports" / f"{_plain_name(path, opened.mask)}.rejects.csv"
    # Whatever happens inside, the transaction of a rehearsal is undone.
    transaction = rehearsing if is_rehearsal else writing
    counts = _Counts()
    sample: list[StoredMessage] = []
    with (
        _as_it_was(path),
        transaction(workspace.database) as connection,
        RejectsFile(rejects_path, is_written=not is_rehearsal) as rejects,
    ):
        key = open_key(workspace.folder, connection)
        n_masked_again = remask(connection, opened.mask, workspace.settings.masking.patterns, key.hash_id)
        intake = _intake(connection, opened, key, source, relabel=relabel, is_random=is_random)
        for batch in _batches(_rows(workspace, opened, key), rejects, counts, "sent_at" in opened.columns.names):
            intake.add(batch)
            sample += batch[: _SAMPLE - len(sample)] if is_rehearsal else []
            yield ImportProgress(counts.n_rows, opened.reader.done())
        _require_rows(path, counts, rejects)
        changed = intake.finish()
        keep_kinds(connection, workspace.none_classes)
        stored = _Stored(intake.source, changed, count_disagreements(connection), n_masked_again, sample)
    return _report(opened, counts, stored, rejects, workspace.none_classes)


@dataclass(frozen=True)
class _Opened:
    """A file whose columns are known, before its rows are read.

    `ignored` columns of an export are never used. With `is_own` Firstline has written it, and with `are_ids_keys` it is
    about messages that are stored here.
    """

    path: Path
    mask: Masker
    reader: Reader
    columns: ColumnMap
    ignored: Collection[str]
    found: Survey
    is_own: bool = False
    are_ids_keys: bool = False


@dataclass
class _Counts:
    """Counts of the rows that have been read."""

    n_rows: int = 0
    n_messages: int = 0
    n_cut: int = 0
    n_labelled: int = 0
    n_times_unread: int = 0
    line_without_time: int | None = None
    segments: Counter[str] = field(default_factory=Counter)
    classes: Counter[Label] = field(default_factory=Counter)

    def add(self, row: Incoming, *, is_timed: bool) -> None:
        """Count a message; `is_timed`: the file has a column of times."""
        self.n_messages += 1
        self.n_cut += row.is_cut
        self.n_labelled += row.label is not None
        if is_timed and row.sent_at is None:
            self.n_times_unread += 1
            self.line_without_time = self.line_without_time or row.line
        if row.segment:
            self.segments[row.segment] += 1
        if row.label:
            self.classes[row.label] += 1


@dataclass(frozen=True)
class _Stored:
    """What the import did to the store."""

    source: str
    changed: Tally
    n_disagreements: int
    n_masked_again: int
    sample: Sequence[StoredMessage]


def _open(
    workspace: Workspace,
    path: Path,
    said: Mapping[str, str],
    agent_values: Sequence[str],
    options: ReadingOptions | None,
    date_order: Literal["", "day_first", "month_first"],
) -> _Opened:
    """Find the columns of a file, and look at those of labels and times."""
    settings = workspace.settings
    remembered: ColumnsSettings = settings.columns
    reader = open_reader(path, options or ReadingOptions(text_column=said.get("text") or remembered.text or None))
    export = export_roles(reader)
    if export and export.are_ids_keys and not _is_about_stored(workspace, said):
        export = of_messages(export, reader.columns)
    is_own = export is not None and export.is_own
    if is_own and names_columns(path.suffix):
        reader = CorrectionsReader(reader)
    columns = find_columns(path, reader.columns, said, remembered, agent_values, export=export)
    classes = class_names(workspace.database)
    # In a file of Firstline's own, a cell that is the name of a class is that class.
    team = (*settings.classes.fixed, *settings.classes.none, *(classes if is_own else ()))
    found = survey(path, reader, columns, Known(date_order, remembered.date_order, classes, team))
    are_ids_keys = export is not None and export.are_ids_keys
    if is_own and not are_ids_keys:
        found = replace(found, kept=PLACEHOLDERS, several=frozenset())
    ignored = export.ignored if export else ()
    return _Opened(path, masker(settings), reader, columns, ignored, found, is_own, are_ids_keys)


def _is_about_stored(workspace: Workspace, said: Mapping[str, str]) -> bool:
    """Whether the rows of a sheet are messages of this workspace: it has some, and the caller names no other ids."""
    if said.get("id", KEY_COLUMN) != KEY_COLUMN:
        return False
    with workspace.database.connect() as connection:
        return has_messages(connection)


def _rows(workspace: Workspace, opened: _Opened, key: WorkspaceKey) -> Iterator[Incoming | Reject]:
    settings = workspace.settings
    fixed = settings.classes.fixed
    return incoming_messages(
        opened.reader,
        opened.columns,
        opened.mask,
        (*fixed, *settings.classes.none) if fixed else (),
        # What Firstline has written was cut before it was stored, and the lines of a conversation masked one by one.
        cut_quotes=settings.emails.cut_quotes and not opened.is_own,
        keeps_lines=opened.is_own,
        # Keys are stored nowhere, and some look like what a pattern of the team masks.
        hash_id=None if opened.are_ids_keys else key.hash_id,
        temporary=workspace.temporary,
        by_two_cores=n_usable_cores() > 1 and opened.path.stat().st_size > _LARGE_BYTES,
        found=opened.found,
    )


def _intake(
    connection: Connection, opened: _Opened, key: WorkspaceKey, source: str | None, *, relabel: bool, is_random: bool
) -> Intake:
    return Intake(
        connection,
        opened.mask(opened.path.name),
        source or source_of(opened.path, opened.mask),
        has_segments="segment" in opened.columns.names,
        settles_labels=relabel,
        is_source_named=source is not None,
        are_ids_keys=opened.are_ids_keys,
        tombstones=Tombstones.read(connection, key.secret),
        is_random=is_random,
    )


def _report(
    opened: _Opened, counts: _Counts, stored: _Stored, rejects: RejectsFile, none_classes: Collection[Label]
) -> ImportReport:
    columns, reader = opened.columns, opened.reader
    return ImportReport(
        file=str(opened.path),
        described=reader.described,
        columns=dict(columns.names),
        source=stored.source,
        n_rows=counts.n_rows,
        n_labelled=counts.n_labelled,
        n_rejected=rejects.count,
        n_disagreements=stored.n_disagreements,
        n_times_unread=counts.n_times_unread,
        n_masked_again=stored.n_masked_again,
        n_cut=counts.n_cut,
        is_conversation=columns.is_conversation,
        rejects_file=str(rejects.path) if rejects.count and rejects.is_written else None,
        segments=dict(counts.segments),
        classes=dict(counts.classes),
        n_none=sum(counts.classes[name] for name in none_classes),
        dates=opened.found.dates,
        line_without_time=counts.line_without_time,
        reject_reasons=dict(rejects.reasons.most_common()),
        notes=columns.notes,
        sample=stored.sample,
        unused=unused_columns(reader.columns, {*columns.names.values(), *opened.ignored}),
        **asdict(stored.changed),
    )


def check_source(source: str | None) -> None:
    """Raises `UsageError` for the name of a system that is empty, too long, or holds personal data."""
    if source is None:
        return
    is_name = source.strip() == source and source.isprintable() and 0 < len(source) <= _LONGEST_SOURCE
    if not is_name or holds_personal_data(source, Masker()):
        raise UsageError(
            "The name of the system that the ids come from (--source) cannot be used.",
            f"Give a name of at most {_LONGEST_SOURCE} characters without personal data, for example: --source crm",
        )


def undo_import(workspace: Workspace) -> Undone | None:
    """Undo the last import that is not undone yet; None if there is none. Raises `StoreUnusable`."""
    with _as_it_was(workspace.folder), writing(workspace.database) as connection:
        return undo_last_import(connection, masker(workspace.settings))


def _plain_name(path: Path, mask: Masker) -> str:
    """The name of a file without personal data, and as a name of a file may be."""
    return re.sub(r"[<>]", "", mask(path.name)) if mask(path.name) != path.name else path.name


def source_of(path: Path, mask: Masker) -> str:
    """The system that the ids of a file come from, by the file's name: `crm-2026-11-29.csv` is from `crm`.

    Dates and marks of copies, such as " (2)", go; what would hold personal data is `import`.
    """
    name = _DATE_OR_COPY.sub("", path.stem)
    name = white_space(nfc(name)).strip(" -_.").lower()
    return name if name and mask(name) == name else "import"


@contextmanager
def _as_it_was(path: Path) -> Iterator[None]:
    """What goes wrong while the transaction is open, in words; it has been undone by then."""
    try:
        yield
    except StoreUnusable as error:
        raise StoreUnusable(
            f"The import of {path} stopped. {error.message}",
            f"The database is unchanged. {error.next_step} Then run the import again.",
        ) from error
    except OSError as error:
        raise FileUnreadable(
            f"The import of {path} stopped: {error.strerror or type(error).__name__}.",
            "The workspace is unchanged. Check the file and the free space.",
        ) from error


def _batches(
    rows: Iterable[Incoming | Reject], rejects: RejectsFile, counts: _Counts, is_timed: bool
) -> Iterator[list[StoredMessage]]:
    """The messages to store, the last batch perhaps empty; rejects go to their file."""
    batch: list[StoredMessage] = []
    for row in rows:
        counts.n_rows += 1
        if isinstance(row, Reject):
            rejects.add(row)
            continue
        counts.add(row, is_timed=is_timed)
        batch.append(StoredMessage(row.text, row.segment, row.external_id, row.sent_at, row.label, row.labelled_by))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    yield batch


def _require_rows(path: Path, counts: _Counts, rejects: RejectsFile) -> None:
    if counts.n_messages:
        return
    if rejects.first is None:
        raise FileUnreadable(f"{path} has a header and no rows.", "Export it again.")
    raise FileUnreadable(
        f"{path}: none of its {counts.n_rows:,} rows can be used;"
        f" the first, line {rejects.first.line}: {rejects.first.reason}.",
        "Check the columns and the encoding, or name them: --text, --encoding, --delimiter",
    )
