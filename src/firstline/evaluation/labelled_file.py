"""`firstline evaluate`: measures the predictor that serves on a labelled file."""

from collections import Counter
from collections.abc import Collection, Container, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnreadable
from firstline.evaluation.metrics import Figures, score
from firstline.messages.column_names import describe_columns
from firstline.messages.columns import find_columns
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.records import ReadingOptions, Reject
from firstline.messages.survey import Known, survey
from firstline.settings import ColumnsSettings
from firstline.store.messages import StoredMessage
from firstline.text.masks import Masker
from firstline.types import Label, Message

_BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """Figures of a model on a file, and which rows and classes they leave out.

    `classes_without_messages` are the classes of the model that no row of the file has; the macro averages leave
    them out. Classes of the file that the model does not know count as errors, each with an F1 of 0 in the macro
    averages: `unknown_labels` counts those of the workspace by name, `lines_of_others` has the lines of the rest, which
    are `n_other_classes`. Names of the rest may be anything, so they appear nowhere. `n_none` rows have a label that
    means none of the classes; the figures leave them out.
    """

    model: str
    figures: Figures
    n_rejected: int
    n_unlabelled: int
    n_none: int
    n_learned: int
    classes_without_messages: Sequence[Label]
    unknown_labels: Mapping[Label, int]
    lines_of_others: Sequence[int]
    n_other_classes: int
    n_unknown_segments: int
    notes: Sequence[str]


def evaluate_file(
    predictor: Predictor,
    path: Path,
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    options: ReadingOptions,
    agent_values: Sequence[str] = (),
    learned: Container[bytes] = frozenset(),
    classes: Collection[Label] = (),
    temporary: Path | None = None,
    team_classes: Collection[Label] = (),
    none: Collection[Label] = (),
) -> Generator[float, None, Evaluation]:
    """Score a labelled file. Yields progress, 0 to 1.

    Every row counts, even if it is repeated. If the model does not know a label, it is wrong on that row. `learned`
    holds the keys of messages that the model may have been trained on; they count, and the result has their number.
    `classes` are those of the workspace, `team_classes` those that its settings name, `none` those of them that mean
    none of the classes. For `temporary` see `join_conversations`. Raises `InputError`.
    """
    reader = open_reader(path, options)
    columns = find_columns(path, reader.columns, said, remembered, agent_values, export=export_roles(reader))
    if "label" not in columns.names:
        raise ColumnMissing(
            f"{path} has no column with labels. {describe_columns(reader.columns, path.suffix)}.",
            "Name it: --label COLUMN",
        )
    known_labels = frozenset(predictor.manifest.labels)
    before = Known("", remembered.date_order, known_labels.union(classes), known_labels.union(team_classes, none))
    found = survey(path, reader, columns, before, uses_times=False)
    mask = Masker(predictor.manifest.masks.patterns)
    truth: list[Label] = []
    predicted: list[Label] = []
    lines: list[int] = []
    n_rejected = n_unlabelled = n_none = n_learned = n_unknown_segments = 0
    batch: list[Message] = []
    rows = incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes, temporary=temporary, found=found)
    for row in rows:
        if isinstance(row, Reject):
            n_rejected += 1
            continue
        if row.label is None:
            n_unlabelled += 1
            continue
        if row.label in none:
            n_none += 1
            continue
        n_unknown_segments += row.segment is not None and not predictor.knows_segment(row.segment)
        n_learned += StoredMessage(row.text, row.segment).key in learned
        batch.append(Message(row.text, row.segment))
        truth.append(row.label)
        lines.append(row.line)
        if len(batch) == _BATCH:
            predicted += _labels(predictor, batch)
            batch = []
            yield reader.done()
    predicted += _labels(predictor, batch)
    if not truth:
        besides = ", besides those of none of the classes" if n_none else ""
        raise FileUnreadable(f"{path} has no row with a text and a label{besides}.", "Check --text and --label.")
    _require_known(path, columns.names["label"], truth, known_labels)
    named = known_labels.union(classes, team_classes)
    unknown = Counter(label for label in truth if label in named and label not in known_labels)
    figures = score(truth, predicted)
    return Evaluation(
        model=predictor.manifest.id,
        figures=replace(figures, per_class={name: one for name, one in figures.per_class.items() if name in named}),
        n_rejected=n_rejected,
        n_unlabelled=n_unlabelled,
        n_none=n_none,
        n_learned=n_learned,
        classes_without_messages=sorted(known_labels.difference(truth)),
        unknown_labels=dict(sorted(unknown.items())),
        lines_of_others=[line for line, label in zip(lines, truth, strict=True) if label not in named],
        n_other_classes=len(set(truth) - named),
        n_unknown_segments=n_unknown_segments,
        notes=columns.notes,
    )


def _require_known(path: Path, column: str, truth: Sequence[Label], known_labels: Collection[Label]) -> None:
    """Raises `FileUnreadable` if the model is wrong on every row, whatever it answers. It names no class."""
    classes = set(truth)
    if classes.isdisjoint(known_labels):
        raise FileUnreadable(
            f"{path}: none of this file's classes ({len(classes):,}, in '{column}') is known to the model.",
            "Is that the right column? If not, name it: --label COLUMN",
        )


def _labels(predictor: Predictor, batch: Sequence[Message]) -> list[Label]:
    labels = predictor.manifest.labels
    return [labels[place] for place in predictor.predict_proba(batch).argmax(axis=1)] if batch else []
