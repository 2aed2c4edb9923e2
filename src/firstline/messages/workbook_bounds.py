"""Checks how large a workbook is before a library unpacks it.

A workbook is a ZIP of XML. A few kB can declare a sheet that reaches to its last possible cell, or unpack to
gigabytes, and the library that reads it allocates all of that at once.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from firstline.errors import FileUnreadable

_BYTES_OF_A_CELL = 140
"""The memory that one cell of five million took to be read."""
_BYTES_OF_XML = 2.5
_MAX_PARTS = 10_000
_CHUNK_BYTES = 1 << 20
_LONGEST_TAG = 300
_HEAD_BYTES = 4_096
# A cell without a value, such as one that only has a colour, ends with "/>".
_DIMENSION = re.compile(rb"""<(?:\w+:)?dimension\s+ref=["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']""")
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br=["']([A-Za-z]{1,3})(\d{1,7})["'](?:[^>]*[^/>])?>""")
_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")
_NOT_READ = ("xl/media/", "Pictures/", "Thumbnails/", "xl/drawings/", "xl/embeddings/", "xl/charts/")


@dataclass(frozen=True)
class Extent:
    """The rows and columns that hold the cells of a sheet, from 1."""

    first_row: int
    last_row: int
    first_column: int
    last_column: int

    @property
    def n_cells(self) -> int:
        return (self.last_row - self.first_row + 1) * (self.last_column - self.first_column + 1)

    @property
    def last_cell(self) -> str:
        """The last row and column as Excel names them: XFD1048576."""
        letters, rest = "", self.last_column
        while rest:
            rest, place = divmod(rest - 1, 26)
            letters = chr(ord("A") + place) + letters
        return f"{letters}{self.last_row}"


def check_unpacked(path: Path, memory_gb: float) -> None:
    """Raises `FileUnreadable` for a ZIP that unpacks to more than can be read in this memory.

    Raises `BadZipFile`, and whatever else `zipfile` raises, if the ZIP is damaged.
    """
    max_bytes = int(memory_gb * (1 << 30) / _BYTES_OF_XML)
    with zipfile.ZipFile(path) as archive:
        parts = [part for part in archive.infolist() if not part.filename.startswith(_NOT_READ)]
        n_bytes = sum(part.file_size for part in parts)
        if len(parts) > _MAX_PARTS or n_bytes > max_bytes:
            raise FileUnreadable(
                f"{path} unpacks to {n_bytes / 1e6:,.0f} MB; Firstline reads at most {max_bytes / 1e6:,.0f} MB.",
                "Export it as CSV, or raise reading.memory_gb in firstline.toml.",
            )
        # A part may declare a wrong size, but then its checksum is wrong, too.
        for part in parts:
            for _ in _chunks(archive, part.filename):
                pass


def check_sheet(path: Path, place: int, memory_gb: float) -> None:
    """Raises `FileUnreadable` if the sheet at `place`, from 0, of an .xlsx reaches too far to be read."""
    max_cells = int(memory_gb * (1 << 30) / _BYTES_OF_A_CELL)
    with zipfile.ZipFile(path) as archive:
        part = _sheet_part(archive, place)
        extent = _declared_extent(archive, part) if part else None
        # It may be a lie either way; one that hides far cells is met by the bound on memory.
        if part and (extent is None or extent.n_cells > max_cells):
            extent = _extent(archive, part)
    if extent and extent.n_cells > max_cells:
        raise FileUnreadable(
            f"{path}: sheet {place + 1} reaches to cell {extent.last_cell}: {extent.n_cells:,} cells, at most"
            f" {max_cells:,} are read.",
            "Delete cells far from the table, or export the sheet as CSV.",
        )


def _sheet_part(archive: zipfile.ZipFile, place: int) -> str | None:
    """The part of an .xlsx with the sheet at this place; None if the workbook is built differently."""
    names = set(archive.namelist())
    if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= names:
        return None
    sheets = _SHEET.findall(archive.read("xl/workbook.xml"))
    ids = [_attribute(tag, rb"\w+:id") for tag in sheets]
    relations = _RELATION.findall(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {_attribute(tag, b"Id"): _attribute(tag, b"Target") for tag in relations}
    target = targets.get(ids[place]) if place < len(ids) else None
    if target is None:
        return None
    part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
    return part if part in names else None


def _attribute(tag: bytes, name: bytes) -> str | None:
    found = re.search(rb"\s" + name + rb"""=["']([^"']*)["']""", tag)
    return found[1].decode(errors="replace") if found else None


def _declared_extent(archive: zipfile.ZipFile, part: str) -> Extent | None:
    """What the sheet itself says, which most programs write."""
    with archive.open(part) as file:
        found = _DIMENSION.search(file.read(_HEAD_BYTES))
    if not found:
        return None
    return Extent(int(found[2]), int(found[4]), _column_number(found[1]), _column_number(found[3]))


def _extent(archive: zipfile.ZipFile, part: str) -> Extent | None:
    rows: set[bytes] = set()
    columns: set[bytes] = set()
    before = b""
    for chunk in _chunks(archive, part):
        text = before + chunk
        for column, row in _CELL.findall(text):
            rows.add(row)
            columns.add(column)
        before = text[-_LONGEST_TAG:]
    if not rows:
        return None
    row_numbers = [int(row) for row in rows]
    places = [_column_number(column) for column in columns]
    return Extent(min(row_numbers), max(row_numbers), min(places), max(places))


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = 26 * number + letter - ord("A") + 1
    return number


def _chunks(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    with archive.open(part) as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
