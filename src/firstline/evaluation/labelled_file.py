"""`firstline evaluate`: measures the predictor that serves on a labelled file."""

from collections import Counter
from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnreadable
from firstline.evaluation.metrics import Figures, score
from firstline.messages.column_names import describe_columns
from firstline.messages.columns import ColumnMap, find_columns
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.importing import incoming_messages
from firstline.messages.incoming import Incoming
from firstline.messages.records import Reader, ReadingOptions, Reject
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
    columns = _labelled_columns(path, reader, said, remembered, agent_values)
    known_labels = frozenset(predictor.manifest.labels)
    before = Known("", remembered.date_order, known_labels.union(classes), known_labels.union(team_classes, none))
    found = survey(path, reader, columns, before, uses_times=False)
    mask = Masker(predictor.manifest.masks.patterns)
    rows = incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes, temporary=temporary, found=found)
    seen = _Seen()
    messages = _to_score(rows, predictor, learned, none, seen)
    predicted: list[Label] = []
    while batch := list(islice(messages, _BATCH)):
        predicted += _labels(predictor, batch)
        yield reader.done()
    _require_known(path, columns.names["label"], seen, known_labels)
    return _evaluation(predictor, seen, predicted, known_labels.union(classes, team_classes), columns.notes)


@dataclass
class _Seen:
    """What the file holds. `truth` and `lines` are the labels of the rows that are scored, and their lines."""

    truth: list[Label] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    n_rejected: int = 0
    n_unlabelled: int = 0
    n_none: int = 0
    n_learned: int = 0
    n_unknown_segments: int = 0


def _labelled_columns(
    path: Path, reader: Reader, said: Mapping[str, str], remembered: ColumnsSettings, agent_values: Sequence[str]
) -> ColumnMap:
    """The columns of a file. Raises `ColumnMissing` if none has labels."""
    columns = find_columns(path, reader.columns, said, remembered, agent_values, export=export_roles(reader))
    if "label" not in columns.names:
        raise ColumnMissing(
            f"{path} has no column with labels. {describe_columns(reader.columns, path.suffix)}.",
            "Name it: --label COLUMN",
        )
    return columns


def _to_score(
    rows: Iterable[Incoming | Reject],
    predictor: Predictor,
    learned: Container[bytes],
    none: Collection[Label],
    seen: _Seen,
) -> Iterator[Message]:
    """The messages that have a class, in order; `seen` gets their labels, and counts the rows that are left out."""
    for row in rows:
        if isinstance(row, Reject):
            seen.n_rejected += 1
        elif row.label is None:
            seen.n_unlabelled += 1
        elif row.label in none:
            seen.n_none += 1
        else:
            seen.n_unknown_segments += row.segment is not None and not predictor.knows_segment(row.segment)
            seen.n_learned += StoredMessage(row.text, row.segment).key in learned
            seen.truth.append(row.label)
            seen.lines.append(row.line)
            yield Message(row.text, row.segment)


def _evaluation(
    predictor: Predictor, seen: _Seen, predicted: Sequence[Label], named: Collection[Label], notes: Sequence[str]
) -> Evaluation:
    """The figures; only the classes in `named` appear by name."""
    known_labels = frozenset(predictor.manifest.labels)
    unknown = Counter(label for label in seen.truth if label in named and label not in known_labels)
    figures = score(seen.truth, predicted)
    return Evaluation(
        model=predictor.manifest.id,
        figures=replace(figures, per_class={name: one for name, one in figures.per_class.items() if name in named}),
        n_rejected=seen.n_rejected,
        n_unlabelled=seen.n_unlabelled,
        n_none=seen.n_none,
        n_learned=seen.n_learned,
        classes_without_messages=sorted(known_labels.difference(seen.truth)),
        unknown_labels=dict(sorted(unknown.items())),
        lines_of_others=[line for line, label in zip(seen.lines, seen.truth, strict=True) if label not in named],
        n_other_classes=len(set(seen.truth).difference(named)),
        n_unknown_segments=seen.n_unknown_segments,
        notes=notes,
    )


def _require_known(path: Path, column: str, seen: _Seen, known_labels: Collection[Label]) -> None:
    """Raises `FileUnreadable` if no row is scored, or if the model is wrong on every row, whatever it answers.

    It names no class.
    """
    if not seen.truth:
        besides = ", besides those of none of the classes" if seen.n_none else ""
        raise FileUnreadable(f"{path} has no row with a text and a label{besides}.", "Check --text and --label.")
    classes = set(seen.truth)
    if classes.isdisjoint(known_labels):
        raise FileUnreadable(
            f"{path}: none of this file's classes ({len(classes):,}, in '{column}') is known to the model.",
            "Is that the right column? If not, name it: --label COLUMN",
        )


def _labels(predictor: Predictor, batch: Sequence[Message]) -> list[Label]:
    labels = predictor.manifest.labels
    return [labels[place] for place in predictor.predict_proba(batch).argmax(axis=1)]
