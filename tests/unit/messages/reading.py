"""What the tests of this room share: reading a whole file, importing it, looking at the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import and_, select

from firstline.messages.formats import open_reader
from firstline.messages.importing import ImportReport, import_file
from firstline.messages.records import ReadingOptions, Reject, Value
from firstline.store.schema import classes, in_force, labels, messages
from firstline.store.workspace import Workspace


@dataclass(frozen=True)
class Table:
    columns: list[str]
    rows: list[tuple[Value, ...]]
    lines: list[int]
    rejects: dict[int, str]


def read(path: Path, **options: Any) -> Table:
    reader = open_reader(path, ReadingOptions(**options))
    found = list(reader.records(reader.columns))
    records = [row for row in found if not isinstance(row, Reject)]
    return Table(
        reader.columns,
        [tuple(row.values) for row in records],
        [row.line for row in records],
        {row.line: row.reason for row in found if isinstance(row, Reject)},
    )


def run_import(workspace: Workspace, path: Path, agents: Sequence[str] = (), **said: str) -> ImportReport:
    importing = import_file(workspace, path, said, agents)
    while True:
        try:
            next(importing)
        except StopIteration as end:
            report: ImportReport = end.value
            return report


def stored(workspace: Workspace) -> list[tuple[str, str | None, str | None]]:
    """Text, segment and label of all that is stored."""
    found = (
        select(messages.c.text, messages.c.segment, classes.c.name)
        .join_from(messages, labels, and_(labels.c.message_id == messages.c.id, in_force), isouter=True)
        .join(classes, isouter=True)
    )
    with workspace.database.connect() as connection:
        rows = [(row[0], row[1], row[2]) for row in connection.execute(found)]
    return sorted(rows, key=lambda row: [value or "" for value in row])
