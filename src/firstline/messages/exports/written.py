"""Writes messages for a person, another tool or another workspace: a table, or the files of labelling tools.

Each row names its message by key, so that a label comes back to it. Objects have no keys for what is not known.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from firstline.errors import UsageError
from firstline.messages.column_names import names_columns
from firstline.messages.exports.base import LABELLED_BY
from firstline.messages.exports.corrections import KEY_COLUMN, guarded, key_cell
from firstline.messages.exports.doccano import EXPORTED_LABEL
from firstline.messages.records import Value
from firstline.messages.writers import Dialect, TableFile, harmless_cells
from firstline.store.exported import ExportedMessage
from firstline.types import Label

MOST_SUGGESTED = 3
_SUGGESTED = tuple(f"suggested_{place}" for place in range(1, MOST_SUGGESTED + 1))
_TABLE = ("text", "segment", "sent_at", "label", LABELLED_BY, "labelled_at", "id", "source", KEY_COLUMN)
_SHEET = ("text", "segment", *_SUGGESTED, "label", LABELLED_BY, "id", "source", KEY_COLUMN)
_TASK = ("data", "annotations", "predictions")
_DOCCANO = ("text", "label", "segment", "sent_at", LABELLED_BY, EXPORTED_LABEL, "message_id", "source", *_SUGGESTED,
            KEY_COLUMN)  # fmt: skip
_PRODIGY = ("text", "label", "answer", "options", "accept", "segment", "sent_at", "id", "source", "_annotator_id",
            KEY_COLUMN)  # fmt: skip
FORMATS = {
    "csv": ".csv",
    "tsv": ".tsv",
    "xlsx": ".xlsx",
    "jsonl": ".jsonl",
    "json": ".json",
    "parquet": ".parquet",
    "label-studio": ".json",
    "doccano": ".jsonl",
    "prodigy": ".jsonl",
}
"""The formats by name, each with the ending of its files."""
LABEL_STUDIO_QUESTION = "label"
"""The name that the choices need in the labelling interface of Label Studio; see docs/import.md."""


@dataclass(frozen=True)
class Row:
    """A message to write; `suggested` are its likely classes, the likeliest first, with shares from 0 to 1."""

    message: ExportedMessage
    suggested: Sequence[tuple[Label, float]] = ()


def format_of(path: Path, name: str | None) -> str:
    """The format of a file, by its name or by the file's ending.

    Raises `UsageError` if there is no such format, or if the ending is that of another one.
    """
    ending = path.suffix.lower()
    if name is None:
        found = next((one for one, of_one in FORMATS.items() if of_one == ending), None)
        if found is None:
            raise UsageError(
                f"{path}: Firstline does not export files that end in '{path.suffix}'.",
                f"Known endings: {' '.join(dict.fromkeys(FORMATS.values()))}",
            )
        return found
    if name not in FORMATS:
        raise UsageError(f"There is no format '{name}'.", f"Known formats: {' '.join(FORMATS)}")
    if FORMATS[name] != ending:
        raise UsageError(f"{path}: a file for {name} ends in {FORMATS[name]}.", f"Name it {path.stem}{FORMATS[name]}")
    return name


def write_rows(path: Path, name: str, rows: Iterable[Row], classes: Sequence[Label] = (), *, is_sheet: bool) -> int:
    """Write a file in the format `name`, and return the number of rows.

    `is_sheet`: people fill in the labels; `classes` are what they choose from. Raises `FileUnwritable`, `ExtraMissing`
    and `UsageError`.
    """
    columns = columns_of(name, is_sheet=is_sheet)
    is_table = names_columns(path.suffix)
    n_rows = 0
    # A spreadsheet needs the mark that tells it that this is UTF-8.
    with TableFile(
        path,
        columns,
        Dialect(encoding="utf-8-sig"),
        is_safe_for_excel=True,
        is_sparse=name in ("label-studio", "doccano", "prodigy"),
        choices={"label": classes} if is_sheet else None,
    ) as table:
        for row in rows:
            values = values_of(row, name, columns, classes if is_sheet else ())
            table.write([guarded(value) for value in values] if is_table else values)
            n_rows += 1
    return n_rows


def columns_of(name: str, *, is_sheet: bool) -> Sequence[str]:
    """The columns of a table, or the keys of an object."""
    of_tool = {"label-studio": _TASK, "doccano": _DOCCANO, "prodigy": _PRODIGY}
    return of_tool.get(name, _SHEET if is_sheet else _TABLE)


def values_of(row: Row, name: str, columns: Sequence[str], classes: Sequence[Label] = ()) -> list[Value]:
    """The values of a row, in the order of `columns`; `classes` are what a person chooses from."""
    cells = _cells(row)
    if name == "label-studio":
        return list(_task(row, cells))
    if name == "doccano":
        cells |= {"label": _listed(row), EXPORTED_LABEL: row.message.label, "message_id": row.message.id}
    if name == "prodigy":
        cells |= _answered(row, classes)
    return [cells.get(column) for column in columns]


def csv_of(rows: Iterable[Row], at_once: int = 500) -> Iterator[bytes]:
    """The same table as a .csv, in parts, for whoever sends it on."""
    columns = columns_of("csv", is_sheet=False)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    text.write("\ufeff")
    table.writerow(columns)
    for number, row in enumerate(rows, start=1):
        table.writerow(harmless_cells([guarded(value) for value in values_of(row, "csv", columns)]))
        if number % at_once == 0:
            yield text.getvalue().encode(errors="replace")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode(errors="replace")


def _cells(row: Row) -> dict[str, Value]:
    one = row.message
    suggested = [label for label, _ in row.suggested[:MOST_SUGGESTED]]
    return {
        "text": one.text,
        "segment": one.segment,
        "sent_at": one.sent_at.isoformat() if one.sent_at else None,
        "label": one.label,
        LABELLED_BY: one.labelled_by,
        "labelled_at": one.labelled_at.isoformat(timespec="seconds") if one.labelled_at else None,
        "id": one.id,
        "source": one.source,
        KEY_COLUMN: key_cell(one.key),
        **dict(zip(_SUGGESTED, suggested, strict=False)),
    }


def _task(row: Row, cells: dict[str, Value]) -> tuple[Value, Value, Value]:
    """Label Studio's task. Who labelled is among the data, since an annotation takes users of Label Studio alone."""
    kept = ("text", "segment", "sent_at", LABELLED_BY, "id", "source", KEY_COLUMN)
    data = {name: cells[name] for name in kept if cells[name] is not None}
    annotations = [{"result": [_choice(row.message.label)]}] if row.message.label is not None else []
    best = row.suggested[0] if row.suggested else None
    predictions = [{"model_version": "firstline", "score": best[1], "result": [_choice(best[0])]}] if best else []
    return data, annotations, predictions


def _choice(label: Label) -> dict[str, Value]:
    question = {"from_name": LABEL_STUDIO_QUESTION, "to_name": "text", "type": "choices"}
    return {**question, "value": {"choices": [label]}}


def _listed(row: Row) -> list[Value]:
    return [] if row.message.label is None else [row.message.label]


def _answered(row: Row, classes: Sequence[Label]) -> dict[str, Value]:
    """Prodigy's answer, or the choices of a question with the likeliest class chosen: nobody has accepted it yet."""
    if row.message.label is not None:
        return {"answer": "accept", "_annotator_id": row.message.labelled_by}
    if not classes:
        return {}
    options = [{"id": name, "text": name} for name in classes]
    return {"options": options, "accept": [label for label, _ in row.suggested[:1]]}
