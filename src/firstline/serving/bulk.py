"""`firstline classify`: adds label, confidence, runner-up, decision and a note to every row of a file, in order."""

import hashlib
import time
from collections import deque
from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from firstline import __version__
from firstline.bundle.predictor import Predictor
from firstline.errors import UsageError
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.delimited import DelimitedReader
from firstline.messages.exports.known import export_roles
from firstline.messages.folder import open_folder
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.records import Reader, ReadingOptions, Reject, Value
from firstline.messages.survey import Known, Survey, survey
from firstline.messages.writers import Dialect, TableFile
from firstline.serving.answering import Answered, Answering, Asked, Spread, here
from firstline.serving.explained import EXPLAINED, Explainer
from firstline.settings import ColumnsSettings
from firstline.steps import Note
from firstline.text.masks import Masker
from firstline.types import Message

ADDED = (
    "predicted_label",
    "predicted_confidence",
    "predicted_runner_up",
    "predicted_runner_up_confidence",
    "predicted_decision",
    "predicted_reason",
    "predicted_note",
)
"""The columns that are added. Import never takes them for a person's labels by itself."""

PART_ROWS, PART_CHARS = 1_024, 4_000_000
"""What is answered at a time, and where the table of a killed process can end: so long as either is not reached."""
_PARTS_KEPT = 8
_KEPT_EVERY_S = 2.0
"""How often rows are kept if a slow model takes longer for `_PARTS_KEPT` parts. In a long run it is a hundredth of the
time so far, because each time makes another file of Parquet."""
_ROLES = ("text", "segment")
_CONVERSATION_ROLES = ("text", "id", "segment", "sent_at", "conversation", "author")


@dataclass(frozen=True)
class BulkReport:
    """What was written: `n_rows` rows. `n_unanswered` of them have no answer, and a note says why.

    `lines_left_out` are lines of an export of conversations that could not be read, so they belong to no
    conversation. `n_learned` rows are messages that the model may have been trained on. An earlier command that was
    killed had written the first `n_resumed` rows.
    """

    model: str
    out: str
    n_rows: int
    n_answered: int
    n_unanswered: int
    lines_left_out: Sequence[int]
    columns_added: tuple[str, ...]
    n_unknown_segments: int
    notes: Sequence[str]
    n_learned: int
    n_resumed: int


@dataclass(frozen=True, slots=True)
class _Row:
    """One row to be written. If it is not `asked`, it has no answer, and `note` says why."""

    values: Sequence[Value]
    asked: Asked | None
    note: str = ""


def classify_file(
    predictor: Predictor,
    path: Path,
    out: Path,
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    options: ReadingOptions,
    agent_values: Sequence[str] = (),
    learned: Container[bytes] = frozenset(),
    temporary: Path | None = None,
    *,
    is_safe_for_excel: bool = False,
    explainer: Explainer | None = None,
    spread: Spread = here,
) -> Generator[float | Note, None, BulkReport]:
    """Write every row of `path` into `out`, in its order, with the columns `ADDED`; yields the part done, 0 to 1.

    `path` may be a folder of Parquet files, see `open_folder`. A row that cannot be answered is written too, and its
    note says why. One that cannot be read has the cells that could be, and its line is in the note.
    Columns of these names that the file has already are replaced. An export of conversations gives one row for
    each conversation, with its id and masked text. A CSV made from a CSV keeps its encoding and delimiter.
    `learned` holds the keys of labelled messages. `temporary` as in `join_conversations`; conversations' ids are
    there as they stand in the file. `is_safe_for_excel` as in `TableFile`. An `explainer` adds its columns, too, and
    cannot be spread. If the command was killed, the next one with the same arguments resumes, except for a workbook,
    and the result is the same; if something else has changed, it is refused. Raises `InputError`.
    """
    if out.resolve() == path.resolve() or (path.is_dir() and out.resolve().parent == path.resolve()):
        raise UsageError("The result would overwrite its own source.", "Name another file: --out FILE")
    source = _open(path, options, predictor, said, remembered, agent_values, temporary)
    added = (*ADDED, *(explainer.columns if explainer else ()))
    names, dialect, columns = [*source.kept, *added], _dialect(source.reader, predictor, out), source.columns
    reading = (options, columns.names, columns.agent_values, remembered.date_order)
    chosen = (reading, names, dialect, out.suffix.lower(), is_safe_for_excel)
    made_from = _made_from(path, predictor, chosen, explainer)
    answering = Answering(predictor, learned, explainer)
    with TableFile(out, names, dialect, is_safe_for_excel=is_safe_for_excel, made_from=made_from) as table:
        if table.n_rows:
            yield Note(f"resumes an earlier run that did not end, after row {table.n_rows:,}")
        tally = _Tally(**table.counts)
        deque(islice(source.rows, table.n_rows), maxlen=0)
        began = kept_at = time.monotonic()
        for number, (part, answered) in enumerate(_answered(source.rows, answering, spread), start=1):
            tally.add(len(part), answered)
            _write(table, part, answered, answering)
            now = time.monotonic()
            if number % _PARTS_KEPT == 0 or now - kept_at >= max(_KEPT_EVERY_S, (now - began) / 100):
                table.keep(tally.n_rows, asdict(tally))
                kept_at = now
            yield source.reader.done()
        n_resumed = table.n_rows
    return BulkReport(
        model=predictor.manifest.id,
        out=str(out),
        n_unanswered=tally.n_rows - tally.n_answered,
        lines_left_out=source.lines_left_out,
        columns_added=added,
        notes=columns.notes,
        n_resumed=n_resumed,
        **asdict(tally),
    )


@dataclass
class _Tally:
    """Counts of what was written."""

    n_rows: int = 0
    n_answered: int = 0
    n_learned: int = 0
    n_unknown_segments: int = 0

    def add(self, n_rows: int, answered: Answered) -> None:
        """Count a part of `n_rows` rows."""
        self.n_rows += n_rows
        self.n_answered += answered.n_answered
        self.n_learned += answered.n_learned
        self.n_unknown_segments += answered.n_unknown_segments


def _made_from(
    path: Path, predictor: Predictor, chosen: tuple[object, ...], explainer: Explainer | None
) -> dict[str, str]:
    """What determines the table, in words for people, each with its SHA-256."""
    decider, explained = predictor.decider, explainer.fingerprint if explainer else ""
    decided = (decider.promise, sorted(decider.always_review), sorted(decider.none))
    source = hashlib.sha256()
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as opened:
                source.update(hashlib.file_digest(opened, "sha256").digest())
    return {
        "the file": source.hexdigest(),
        "the model": predictor.manifest.id,
        "what decides": _sha256(decided),
        "an option": _sha256(chosen),
        "the labelled messages": _sha256(explained),
        "Firstline": __version__,
    }


def _sha256(values: object) -> str:
    return hashlib.sha256(repr(values).encode("utf-8", errors="surrogatepass")).hexdigest()


def _answered(rows: Iterator[_Row], answering: Answering, spread: Spread) -> Iterator[tuple[Sequence[_Row], Answered]]:
    """Some rows at a time with their answers, in order, while those of later rows are computed."""
    waiting: deque[Sequence[_Row]] = deque()

    def asked() -> Iterator[Sequence[Asked]]:
        for part in _parts(rows):
            waiting.append(part)
            yield [row.asked for row in part if row.asked is not None]

    for answered in spread(answering, asked()):
        yield waiting.popleft(), answered


def _parts(rows: Iterator[_Row]) -> Iterator[Sequence[_Row]]:
    part: list[_Row] = []
    n_chars = 0
    for row in rows:
        part.append(row)
        n_chars += sum(len(value) for value in row.values if isinstance(value, str))
        if len(part) == PART_ROWS or n_chars >= PART_CHARS:
            yield part
            part, n_chars = [], 0
    if part:
        yield part


@dataclass(frozen=True)
class _Source:
    """An open file: its rows, of which the columns `kept` are written. `lines_left_out` fills as they are read."""

    reader: Reader
    columns: ColumnMap
    kept: Sequence[str]
    rows: Iterator[_Row]
    lines_left_out: list[int]


def _open(
    path: Path,
    options: ReadingOptions,
    predictor: Predictor,
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    agent_values: Sequence[str],
    temporary: Path | None,
) -> _Source:
    reader = open_folder(path, options) if path.is_dir() else open_reader(path, options)
    columns = _find_columns(path, reader, said, remembered, agent_values)
    found = survey(path, reader, columns, Known("", remembered.date_order), uses_times=False)
    lines_left_out: list[int] = []
    if columns.is_conversation:
        rows = _conversations(reader, columns, predictor, temporary, found, lines_left_out)
        return _Source(reader, columns, ["conversation", "text"], rows, lines_left_out)
    kept = [name for name in reader.columns if name not in (*ADDED, *EXPLAINED)]
    return _Source(reader, columns, kept, _rows(reader, columns, kept), lines_left_out)


def _find_columns(
    path: Path, reader: Reader, said: Mapping[str, str], remembered: ColumnsSettings, agent_values: Sequence[str]
) -> ColumnMap:
    """The columns of a file; those of conversations only if they are named, now or in the settings."""
    named = {role: name for role, name in said.items() if role in (*_ROLES, "conversation", "author")}
    # A setting that is empty names no column, not the one whose name is empty.
    is_remembered = remembered.conversation and remembered.conversation in reader.columns
    wanted = _CONVERSATION_ROLES if is_remembered or "conversation" in said else _ROLES
    return find_columns(path, reader.columns, named, remembered, agent_values, wanted, export_roles(reader))


def _write(table: TableFile, part: Sequence[_Row], answered: Answered, answering: Answering) -> None:
    """Write some rows; those that were asked have their cells in `answered`, in order."""
    cells = iter(answered.cells)
    nothing, no_reasons = answering.no_answer
    for row in part:
        new = next(cells) if row.asked is not None else (*nothing, row.note, *no_reasons)
        table.write([*row.values, *new])


def _dialect(reader: Reader, predictor: Predictor, out: Path) -> Dialect:
    """The dialect of the source file, if it is of the same kind and its encoding has the letters of the classes."""
    if not isinstance(reader, DelimitedReader) or reader.path.suffix.lower() != out.suffix.lower():
        return Dialect()
    try:
        "".join(predictor.manifest.labels).encode(reader.encoding)
    except UnicodeEncodeError:
        return Dialect("utf-8-sig", reader.delimiter)
    return Dialect(reader.encoding, reader.delimiter)


def _rows(reader: Reader, columns: ColumnMap, kept: Sequence[str]) -> Iterator[_Row]:
    """Every row of a file, with its cells in the columns `kept`."""
    roles = [columns.names["text"], *([columns.names["segment"]] if "segment" in columns.names else [])]
    for record in reader.records([*kept, *roles]):
        if isinstance(record, Reject):
            cells = record.cells[: len(kept)] or [None] * len(kept)
            yield _Row(cells, None, f"line {record.line:,}: {record.reason}")
        else:
            yield _Row(record.values[: len(kept)], tuple(record.values[len(kept) :]))


def _conversations(
    reader: Reader,
    columns: ColumnMap,
    predictor: Predictor,
    temporary: Path | None,
    found: Survey,
    lines_left_out: list[int],
) -> Iterator[_Row]:
    """One row for each conversation; the lines that belong to none are put into `lines_left_out`."""
    mask = Masker(predictor.manifest.masks.patterns)
    read = incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes, temporary=temporary, found=found)
    for row in read:
        if not isinstance(row, Reject):
            yield _Row((row.conversation, row.text), Message(row.text, row.segment))
        elif row.conversation is not None:
            yield _Row((row.conversation, None), None, row.reason)
        else:
            lines_left_out.append(row.line)
