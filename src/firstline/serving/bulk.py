"""`firstline classify`: the columns of a file, with label, confidence and runner-up added."""

from collections.abc import Container, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import UsageError
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.delimited import DelimitedReader
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.incoming import UnusableCell, read_name, read_text
from firstline.messages.records import Reader, ReadingOptions, Reject, Value
from firstline.messages.rejects import RejectsFile
from firstline.messages.survey import Known, Survey, survey
from firstline.messages.writers import Dialect, TableFile
from firstline.settings import ColumnsSettings
from firstline.store.messages import StoredMessage
from firstline.text.masks import Masker
from firstline.types import Message, Prediction

ADDED = ("label", "confidence", "runner_up", "runner_up_confidence")
_BATCH = 256
_ROLES = ("text", "segment")
_CONVERSATION_ROLES = ("text", "id", "segment", "sent_at", "conversation", "author")


@dataclass(frozen=True)
class BulkReport:
    """What was written. `n_rejected` rows are in `rejects_file` instead, with line and reason.

    Of the rows, `n_learned` are messages that the model may have been trained on.
    """

    model: str
    out: str
    n_rows: int
    n_rejected: int
    rejects_file: str | None
    columns_added: tuple[str, ...]
    n_unknown_segments: int
    notes: Sequence[str]
    n_learned: int


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
) -> Generator[float, None, BulkReport]:
    """Classify every row of `path` into `out`, yielding the part that is done, 0 to 1.

    An export of conversations gives one row for each conversation, with its id and masked text.
    An added column whose name is taken gets `predicted_` before it. A CSV made from a CSV keeps its
    encoding and delimiter. `learned` holds the keys of labelled messages. `temporary` as in
    `join_conversations`; conversations' ids are there as they stand in the file. Raises `InputError`.
    """
    if out.resolve() == path.resolve():
        raise UsageError("The result would overwrite its own source.", "Name another file: --out FILE")
    reader = open_reader(path, options)
    asked = {role: name for role, name in said.items() if role in (*_ROLES, "conversation", "author")}
    wanted = _CONVERSATION_ROLES if remembered.conversation in reader.columns or "conversation" in said else _ROLES
    columns = find_columns(path, reader.columns, asked, remembered, agent_values, wanted, export_roles(reader))
    kept = ["conversation", "text"] if columns.is_conversation else reader.columns
    added = tuple(_free_name(name, kept) for name in ADDED)
    found = survey(path, reader, columns, Known("", remembered.date_order), uses_times=False)
    rows = (
        _conversations(reader, columns, predictor, temporary, found)
        if columns.is_conversation
        else _rows(reader, columns, predictor)
    )
    n_rows = n_learned = n_unknown_segments = 0
    with (
        RejectsFile(out.with_name(f"{out.name}.rejects.csv")) as rejects,
        TableFile(out, [*kept, *added], _dialect(reader, predictor, out)) as table,
    ):
        for batch in _batches(rows, rejects):
            for message, _ in batch:
                n_learned += StoredMessage(message.text, message.segment).key in learned
                n_unknown_segments += message.segment is not None and not predictor.knows_segment(message.segment)
            predictions = predictor.predict([message for message, _ in batch])
            for (_, values), prediction in zip(batch, predictions, strict=True):
                table.write([*values, *_answer(prediction)])
            n_rows += len(batch)
            yield reader.done()
    return BulkReport(
        model=predictor.manifest.id,
        out=str(out),
        n_rows=n_rows,
        n_rejected=rejects.count,
        rejects_file=str(rejects.path) if rejects.count else None,
        columns_added=added,
        n_unknown_segments=n_unknown_segments,
        notes=columns.notes,
        n_learned=n_learned,
    )


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name = f"predicted_{name}"
    return name


def _dialect(reader: Reader, predictor: Predictor, out: Path) -> Dialect:
    """That of the source, if it is of the same kind and can spell the classes."""
    if not isinstance(reader, DelimitedReader) or reader.path.suffix.lower() != out.suffix.lower():
        return Dialect()
    try:
        "".join(predictor.manifest.labels).encode(reader.encoding)
    except UnicodeEncodeError:
        return Dialect("utf-8-sig", reader.delimiter)
    return Dialect(reader.encoding, reader.delimiter)


_Read = tuple[Message, Sequence[Value]]


def _rows(reader: Reader, columns: ColumnMap, predictor: Predictor) -> Iterator[_Read | Reject]:
    text_place = reader.columns.index(columns.names["text"])
    segment_place = reader.columns.index(columns.names["segment"]) if "segment" in columns.names else None
    for row in reader.records(reader.columns):
        if isinstance(row, Reject):
            yield row
            continue
        try:
            text = read_text(_encodable(row.values[text_place]))
            segment = read_name(_encodable(row.values[segment_place])) if segment_place is not None else None
        except UnusableCell as problem:
            yield Reject(row.line, str(problem))
            continue
        message = predictor.read(text, segment)
        yield (message, row.values) if message.text else Reject(row.line, "no text")


def _conversations(
    reader: Reader, columns: ColumnMap, predictor: Predictor, temporary: Path | None, found: Survey
) -> Iterator[_Read | Reject]:
    mask = Masker(predictor.manifest.masks.patterns)
    read = incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes, temporary=temporary, found=found)
    for row in read:
        if isinstance(row, Reject):
            yield row
        else:
            yield Message(row.text, row.segment), (row.conversation, row.text)


def _encodable(value: Value) -> Value:
    """A cell, bytes of a text that could not be decoded replaced: its row is answered all the same."""
    return value.encode("utf-8", errors="replace").decode("utf-8") if isinstance(value, str) else value


def _batches(rows: Iterator[_Read | Reject], rejects: RejectsFile) -> Iterator[list[_Read]]:
    batch: list[_Read] = []
    for row in rows:
        if isinstance(row, Reject):
            rejects.add(row)
            continue
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _answer(prediction: Prediction) -> tuple[Value, ...]:
    first = prediction.ranking[0]
    second = prediction.ranking[1] if len(prediction.ranking) > 1 else None
    return (
        first.label,
        round(first.confidence, 4),
        second.label if second else None,
        round(second.confidence, 4) if second else None,
    )
