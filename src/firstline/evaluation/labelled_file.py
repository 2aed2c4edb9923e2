"""`firstline evaluate`: the predictor that serves, against a labelled file."""

from collections import Counter
from collections.abc import Container, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnreadable
from firstline.evaluation.metrics import Figures, score
from firstline.messages.columns import find_columns
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.records import ReadingOptions, Reject
from firstline.settings import ColumnsSettings
from firstline.store.messages import StoredMessage
from firstline.text.masks import Masker
from firstline.types import Label, Message

_BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """Figures of a model on a file, and which rows did not count."""

    model: str
    figures: Figures
    n_rejected: int
    n_unlabelled: int
    n_learned: int
    unknown_labels: Mapping[Label, int]
    unknown_segments: Mapping[str, int]
    notes: Sequence[str]


def evaluate_file(
    predictor: Predictor,
    path: Path,
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    options: ReadingOptions,
    agent_values: Sequence[str] = (),
    learned: Container[bytes] = frozenset(),
) -> Generator[float, None, Evaluation]:
    """Score a labelled file, yielding the part that is done, 0 to 1.

    Every row counts, repeated ones too. A label that the model does not know counts as an error of
    the model. `learned` holds the keys of messages that the model may have been trained on; they
    count, and their number is told. Raises `InputError`.
    """
    reader = open_reader(path, options)
    columns = find_columns(path, reader.columns, said, remembered, agent_values)
    if "label" not in columns.names:
        raise ColumnMissing(
            f"{path} has no column with labels. Its columns: {', '.join(reader.columns[:20])}.",
            "Name it: --label COLUMN",
        )
    mask = Masker(predictor.manifest.masks.patterns)
    truth: list[Label] = []
    predicted: list[Label] = []
    n_rejected = n_unlabelled = n_learned = 0
    unknown_segments: dict[str, int] = {}
    batch: list[Message] = []
    for row in incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes):
        if isinstance(row, Reject):
            n_rejected += 1
            continue
        if row.label is None:
            n_unlabelled += 1
            continue
        if row.segment and not predictor.knows_segment(row.segment):
            unknown_segments[row.segment] = unknown_segments.get(row.segment, 0) + 1
        n_learned += StoredMessage(row.text, row.segment).key in learned
        batch.append(Message(row.text, row.segment))
        truth.append(row.label)
        if len(batch) == _BATCH:
            predicted += _labels(predictor, batch)
            batch = []
            yield reader.done()
    predicted += _labels(predictor, batch)
    if not truth:
        raise FileUnreadable(f"{path} has no row with a text and a label.", "Check --text and --label.")
    known = set(predictor.manifest.labels)
    unknown = Counter(label for label in truth if label not in known)
    return Evaluation(
        model=predictor.manifest.id,
        figures=score(truth, predicted),
        n_rejected=n_rejected,
        n_unlabelled=n_unlabelled,
        n_learned=n_learned,
        unknown_labels=dict(sorted(unknown.items())),
        unknown_segments=unknown_segments,
        notes=columns.notes,
    )


def _labels(predictor: Predictor, batch: Sequence[Message]) -> list[Label]:
    labels = predictor.manifest.labels
    return [labels[place] for place in predictor.predict_proba(batch).argmax(axis=1)] if batch else []
