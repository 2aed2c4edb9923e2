"""The messages that a load sends."""

import csv
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path

import msgspec

from firstline.errors import FileUnreadable, UnusableCell
from firstline.messages.cells import read_text
from firstline.messages.columns import find_columns
from firstline.messages.exports.known import export_roles
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record
from firstline.settings import ColumnsSettings

_MOST = 10_000


def bodies_of(path: Path | None, text_column: str | None = None) -> list[bytes]:
    """Bodies for /v1/classify: the first 10,000 texts of a file as they are, or the demo messages.

    Raises `InputError`, or `UsageError`.
    """
    texts = _demo_texts() if path is None else _texts_of(path, text_column)
    bodies = [msgspec.json.encode({"text": text}) for text in islice(texts, _MOST)]
    if not bodies:
        raise FileUnreadable(f"{path} has no row with a text.", "Check --text.")
    return bodies


def _demo_texts() -> Iterator[str]:
    lines = files("firstline.messages").joinpath("demo/history.csv").read_text("utf-8").splitlines(keepends=True)
    return (row["text"] for row in csv.DictReader(lines))


def _texts_of(path: Path, text_column: str | None) -> Iterator[str]:
    reader = open_reader(path, ReadingOptions(text_column=text_column))
    said = {} if text_column is None else {"text": text_column}
    found = find_columns(path, reader.columns, said, ColumnsSettings(), (), ("text",), export_roles(reader))
    for row in reader.records([found.names["text"]]):
        if isinstance(row, Record) and (text := _text(row.values[0])):
            yield text


def _text(cell: object) -> str:
    """The text of a cell, empty if it cannot be sent."""
    if isinstance(cell, str):
        # Bytes that could not be decoded have no place in JSON.
        cell = cell.encode("utf-8", errors="replace").decode("utf-8")
    try:
        return read_text(cell).strip()
    except UnusableCell:
        return ""
