"""Reading one export as a table with its roles."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record


@dataclass(frozen=True)
class Read:
    described: str
    roles: Mapping[str, str]
    rows: list[dict[str, Any]]


def read_export(folder: Path, content: object, name: str = "a.json") -> Read:
    """What `content` is read as; a list becomes lines of a .jsonl."""
    path = folder / name
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif name.endswith(".jsonl") and isinstance(content, Sequence):
        path.write_text("\n".join(json.dumps(item) for item in content), encoding="utf-8")
    else:
        path.write_text(json.dumps(content), encoding="utf-8")
    reader = open_reader(path, ReadingOptions())
    roles = export_roles(reader)
    rows = [row for row in reader.records(reader.columns) if isinstance(row, Record)]
    return Read(
        reader.described,
        roles.columns if roles else {},
        [dict(zip(reader.columns, row.values, strict=True)) for row in rows],
    )
