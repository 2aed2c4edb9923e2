"""`firstline classify`: adds label, confidence, runner-up, decision and a note to every row of a file, in order."""

from collections.abc import Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import UnusableCell, UsageError
from firstline.messages.cells import read_name, read_text
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.delimited import DelimitedReader
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.records import Reader, ReadingOptions, Reject, Value
from firstline.messages.survey import Known, Survey, survey
from firstline.messages.writers import Dialect, TableFile
from firstline.serving.explained import EXPLAINED, Explainer
from firstline.settings import ColumnsSettings
from firstline.store.messages import StoredMessage
from firstline.text.masks import Masker
from firstline.types import Message, Prediction

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

BROKEN_ENCODING = "broken encoding in places"
UNKNOWN_SEGMENT = "the segment is unknown to the model and was ignored"
_BATCH = 256
_ROLES = ("text", "segment")
_CONVERSATION_ROLES = ("text", "id", "segment", "sent_at", "conversation", "author")
_NO_ANSWER: tuple[Value, ...] = (None,) * 6


@dataclass(frozen=True)
class BulkReport:
    """What was written: `n_rows` rows. `n_unanswered` of them have no answer, and a note says why.

    `lines_left_out` are lines of an export of conversations that could not be read, so they belong to no
    conversation. `n_learned` rows are messages that the model may have been trained on.
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


@dataclass(frozen=True)
class _Row:
    """One row to be written. Without a `message` it has no answer, and `note` says why."""

    values: Sequence[Value]
    message: Message | None
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
) -> Generator[float, None, BulkReport]:
    """Write every row of `path` into `out`, in its order, with the columns `ADDED`; yields the part done, 0 to 1.

    A row that cannot be answered is written too, and its note says why. One that cannot be read has the cells that
    could be, and its line is in the note.
    Columns of these names that the file has already are replaced. An export of conversations gives one row for
    each conversation, with its id and masked text. A CSV made from a CSV keeps its encoding and delimiter.
    `learned` holds the keys of labelled messages. `temporary` as in `join_conversations`; conversations' ids are
    there as they stand in the file. `is_safe_for_excel` as in `TableFile`. An `explainer` adds its columns, too.
    Raises `InputError`.
    """
    if out.resolve() == path.resolve():
        raise UsageError("The result would overwrite its own source.", "Name another file: --out FILE")
    reader = open_reader(path, options)
    columns = _find_columns(path, reader, said, remembered, agent_values)
    found = survey(path, reader, columns, Known("", remembered.date_order), uses_times=False)
    lines_left_out: list[int] = []
    if columns.is_conversation:
        kept = ["conversation", "text"]
        rows = _conversations(reader, columns, predictor, temporary, found, lines_left_out)
    else:
        kept = [name for name in reader.columns if name not in (*ADDED, *EXPLAINED)]
        rows = _rows(reader, columns, kept, predictor)
    tally = _Tally()
    added = (*ADDED, *(explainer.columns if explainer else ()))
    names, dialect = [*kept, *added], _dialect(reader, predictor, out)
    with TableFile(out, names, dialect, is_safe_for_excel=is_safe_for_excel) as table:
        while batch := list(islice(rows, _BATCH)):
            messages = [row.message for row in batch if row.message is not None]
            tally.add(len(batch), messages, predictor, learned)
            _write(table, batch, predictor.predict(messages), explainer)
            yield reader.done()
    return BulkReport(
        model=predictor.manifest.id,
        out=str(out),
        n_rows=tally.n_rows,
        n_answered=tally.n_answered,
        n_unanswered=tally.n_rows - tally.n_answered,
        lines_left_out=lines_left_out,
        columns_added=added,
        n_unknown_segments=tally.n_unknown_segments,
        notes=columns.notes,
        n_learned=tally.n_learned,
    )


@dataclass
class _Tally:
    """Counts of what was written."""

    n_rows: int = 0
    n_answered: int = 0
    n_learned: int = 0
    n_unknown_segments: int = 0

    def add(self, n_rows: int, messages: Sequence[Message], predictor: Predictor, learned: Container[bytes]) -> None:
        """Count a batch of `n_rows` rows, of which `messages` are answered."""
        self.n_rows += n_rows
        self.n_answered += len(messages)
        for message in messages:
            self.n_learned += StoredMessage(message.text, message.segment).key in learned
            self.n_unknown_segments += _has_unknown_segment(message, predictor)


def _find_columns(
    path: Path, reader: Reader, said: Mapping[str, str], remembered: ColumnsSettings, agent_values: Sequence[str]
) -> ColumnMap:
    """The columns of a file; those of conversations only if they are named, now or in the settings."""
    named = {role: name for role, name in said.items() if role in (*_ROLES, "conversation", "author")}
    # A setting that is empty names no column, not the one whose name is empty.
    is_remembered = remembered.conversation and remembered.conversation in reader.columns
    wanted = _CONVERSATION_ROLES if is_remembered or "conversation" in said else _ROLES
    return find_columns(path, reader.columns, named, remembered, agent_values, wanted, export_roles(reader))


def _write(
    table: TableFile,
    batch: Sequence[_Row],
    predictions: Iterable[Prediction],
    explainer: Explainer | None,
) -> None:
    """Write a batch; `predictions` are those of its rows with a message, in order."""
    answers = iter(predictions)
    columns = explainer.columns if explainer else ()
    why = iter(explainer.cells([row.message for row in batch if row.message is not None]) if explainer else ())
    for row in batch:
        answer = _NO_ANSWER if row.message is None else _answer(next(answers))
        reasons = next(why, ()) if row.message is not None else (None,) * len(columns)
        table.write([*row.values, *answer, row.note, *reasons])


def _dialect(reader: Reader, predictor: Predictor, out: Path) -> Dialect:
    """The dialect of the source file, if it is of the same kind and its encoding has the letters of the classes."""
    if not isinstance(reader, DelimitedReader) or reader.path.suffix.lower() != out.suffix.lower():
        return Dialect()
    try:
        "".join(predictor.manifest.labels).encode(reader.encoding)
    except UnicodeEncodeError:
        return Dialect("utf-8-sig", reader.delimiter)
    return Dialect(reader.encoding, reader.delimiter)


def _rows(reader: Reader, columns: ColumnMap, kept: Sequence[str], predictor: Predictor) -> Iterator[_Row]:
    """Every row of a file, with its cells in the columns `kept`."""
    roles = [columns.names["text"], *([columns.names["segment"]] if "segment" in columns.names else [])]
    for record in reader.records([*kept, *roles]):
        if isinstance(record, Reject):
            cells = record.cells[: len(kept)] or [None] * len(kept)
            yield _Row(cells, None, f"line {record.line:,}: {record.reason}")
            continue
        yield _read(record.values[: len(kept)], record.values[len(kept) :], predictor)


def _read(values: Sequence[Value], cells: Sequence[Value], predictor: Predictor) -> _Row:
    """A row; `cells` are its text and, if the file has one, its segment."""
    readable = [_encodable(cell) for cell in cells]
    try:
        text = read_text(readable[0])
        segment = read_name(readable[1]) if len(readable) > 1 else None
    except UnusableCell as problem:
        return _Row(values, None, str(problem))
    message = predictor.read(text, segment)
    if not message.text:
        return _Row(values, None, "no text")
    notes = (
        BROKEN_ENCODING if readable != list(cells) else "",
        UNKNOWN_SEGMENT if _has_unknown_segment(message, predictor) else "",
    )
    return _Row(values, message, "; ".join(filter(None, notes)))


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
            message = Message(row.text, row.segment)
            note = UNKNOWN_SEGMENT if _has_unknown_segment(message, predictor) else ""
            yield _Row((row.conversation, row.text), message, note)
        elif row.conversation is not None:
            yield _Row((row.conversation, None), None, row.reason)
        else:
            lines_left_out.append(row.line)


def _has_unknown_segment(message: Message, predictor: Predictor) -> bool:
    return message.segment is not None and not predictor.knows_segment(message.segment)


def _encodable(value: Value) -> Value:
    """A cell without bytes that could not be decoded, so that its row can still be answered."""
    return value.encode("utf-8", errors="replace").decode("utf-8") if isinstance(value, str) else value


def _answer(prediction: Prediction) -> tuple[Value, ...]:
    first = prediction.ranking[0]
    second = prediction.ranking[1] if len(prediction.ranking) > 1 else None
    return (
        first.label,
        round(first.confidence, 4),
        second.label if second else None,
        round(second.confidence, 4) if second else None,
        prediction.decision,
        prediction.reason,
    )
