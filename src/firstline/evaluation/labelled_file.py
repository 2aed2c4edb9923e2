"""`firstline evaluate`: measures the predictor that serves on a labelled file."""

from collections import Counter
from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

import numpy as np

from firstline.bundle.predictor import Predictor
from firstline.errors import ColumnMissing, FileUnreadable
from firstline.evaluation.answered import (
    Answered,
    Confused,
    Decided,
    Outsiders,
    answer,
    confusion,
    decided,
    outsiders,
)
from firstline.evaluation.metrics import Figures, score
from firstline.evaluation.reliability import Reliability, reliability
from firstline.messages.column_names import describe_columns
from firstline.messages.columns import ROLES, ColumnMap, find_columns
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

    `decided` is about all labelled rows, those of none of the classes included. `outsiders` is about the latter, and
    about the messages of a second file of such; None if there are none. `confusion` has only classes that may be named.
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
    reliability: Reliability
    decided: Decided
    outsiders: Outsiders | None
    confusion: Sequence[Confused]


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
    unknown: Path | None = None,
) -> Generator[float, None, Evaluation]:
    """Score a labelled file. Yields progress, 0 to 1, once more for the file `unknown`.

    Every row counts, even if it is repeated. If the model does not know a label, it is wrong on that row. `learned`
    holds the keys of messages that the model may have been trained on; they count, and the result has their number.
    `classes` are those of the workspace, `team_classes` those that its settings name, `none` those of them that mean
    none of the classes. All messages of `unknown` are of none, whatever their labels. For `temporary` see
    `join_conversations`. Raises `InputError`.
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
    answers: list[Answered] = []
    while batch := list(islice(messages, _BATCH)):
        answers += answer(predictor, batch)
        yield reader.done()
    _require_known(path, columns.names["label"], seen, known_labels)
    outside: list[Answered] = []
    if unknown is not None:
        outside = yield from _outside(
            predictor, unknown, said, remembered, options, agent_values, temporary, learned, seen
        )
    named = known_labels.union(classes, team_classes)
    return _evaluation(predictor, seen, answers, outside, named, columns.notes)


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
) -> Iterator[tuple[Message, Label | None]]:
    """The labelled messages, in order, each with its class, None for none of them; `seen` is what they hold."""
    for row in rows:
        if isinstance(row, Reject):
            seen.n_rejected += 1
        elif row.label is None:
            seen.n_unlabelled += 1
        elif row.label in none:
            seen.n_none += 1
            seen.n_learned += _key(row) in learned
            yield Message(row.text, row.segment), None
        else:
            seen.n_unknown_segments += row.segment is not None and not predictor.knows_segment(row.segment)
            seen.n_learned += _key(row) in learned
            seen.truth.append(row.label)
            seen.lines.append(row.line)
            yield Message(row.text, row.segment), row.label


def _outside(
    predictor: Predictor,
    path: Path,
    said: Mapping[str, str],
    remembered: ColumnsSettings,
    options: ReadingOptions,
    agent_values: Sequence[str],
    temporary: Path | None,
    learned: Container[bytes],
    seen: _Seen,
) -> Generator[float, None, list[Answered]]:
    """The answers to the messages of a file that are of none of the classes; `seen` counts those that were learned, and
    rows that could not be used.

    Raises `InputError`.
    """
    reader = open_reader(path, options)
    named = {role: name for role, name in said.items() if role != "label"}
    wanted = [role for role in ROLES if role != "label"]
    columns = find_columns(path, reader.columns, named, remembered, agent_values, wanted, export_roles(reader))
    found = survey(path, reader, columns, Known("", remembered.date_order), uses_times=False)
    mask = Masker(predictor.manifest.masks.patterns)
    rows = incoming_messages(reader, columns, mask, cut_quotes=predictor.cuts_quotes, temporary=temporary, found=found)
    answers: list[Answered] = []
    while read := list(islice(rows, _BATCH)):
        batch = [row for row in read if not isinstance(row, Reject)]
        seen.n_rejected += len(read) - len(batch)
        seen.n_learned += sum(_key(row) in learned for row in batch)
        answers += answer(predictor, [(Message(row.text, row.segment), None) for row in batch])
        yield reader.done()
    if not answers:
        raise FileUnreadable(f"{path} has no row with a text.", "Check --text.")
    return answers


def _key(row: Incoming) -> bytes:
    return StoredMessage(row.text, row.segment).key


def _evaluation(
    predictor: Predictor,
    seen: _Seen,
    answers: Sequence[Answered],
    outside: Sequence[Answered],
    named: Collection[Label],
    notes: Sequence[str],
) -> Evaluation:
    """The figures; only the classes in `named` appear by name. `outside` are the answers to the second file."""
    known_labels = frozenset(predictor.manifest.labels)
    unknown = Counter(label for label in seen.truth if label in named and label not in known_labels)
    scored = [one for one in answers if one.truth is not None]
    confidence = np.array([one.confidence for one in scored])
    right = np.array([one.is_right for one in scored])
    figures = score(seen.truth, [one.predicted for one in scored])
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
        reliability=reliability(confidence, right),
        decided=decided(answers, predictor.decider),
        outsiders=outsiders([*answers, *outside]),
        confusion=confusion(answers, named),
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
