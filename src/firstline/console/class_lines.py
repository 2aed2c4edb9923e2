"""Classes that a person writes or pastes, one a line, and what would become of each."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from firstline.errors import ClassRefused
from firstline.store.class_changes import (
    ClassOfTeam,
    description_as_stored,
    folded,
    list_classes,
    name_as_stored,
    require_impersonal,
    require_new,
)
from firstline.store.merges import require_not_merged
from firstline.text.masks import Masker
from firstline.types import Label

MOST_LINES = 300
_LONGEST_CELL = 100_000
Outcome: TypeAlias = Literal["new", "described", "stays", "refused"]
_LINE = re.compile(r"\r\n|[\r\n\u2028\u2029]")


@dataclass(frozen=True)
class Line:
    """One class: the number of its line, 1 for the first; its name; what belongs there, empty if nothing is said."""

    number: int
    name: Label
    description: str


@dataclass(frozen=True)
class Planned:
    """What would become of a line. `before` is the description that is replaced, `refused` why nothing can."""

    line: Line
    outcome: Outcome
    before: str = ""
    refused: ClassRefused | None = None


def read_lines(text: str) -> list[Line]:
    """The classes in a text: `name: what belongs there`, or two columns as a spreadsheet copies them.

    Names and descriptions are in one spelling. Raises `ClassRefused` if there are none or too many, or if a line has
    more than two columns.
    """
    rows = _cells(text) if "\t" in text else _typed(text)
    found = [Line(number, name_as_stored(name), name_as_stored(said)) for number, name, said in rows]
    found = [one for one in found if one.name or one.description]
    if not found:
        raise ClassRefused("no_lines", "There is no class in the text.")
    if len(found) > MOST_LINES:
        raise ClassRefused("many_lines", f"At most {MOST_LINES} classes at once.")
    return found


def _typed(text: str) -> list[tuple[int, str, str]]:
    split = [line.partition(":") for line in _LINE.split(text)]
    return [(number, name, said) for number, (name, _, said) in enumerate(split, 1)]


def _cells(text: str) -> list[tuple[int, str, str]]:
    """Rows of a spreadsheet. A cell with a tab, a quote or a line break in it comes in quotes."""
    reader = csv.reader(text.splitlines(keepends=True), delimiter="\t")
    rows: list[tuple[int, str, str]] = []
    try:
        for name, *others in filter(None, reader):
            if max(map(len, (name, *others))) > _LONGEST_CELL:
                # As csv does by itself, unless another part of this process has raised its limit.
                raise csv.Error
            said = [cell for cell in others if cell.strip()]
            if len(said) > 1:
                raise ClassRefused("columns", "A line has more than two columns.", n=str(reader.line_num))
            if others:
                rows.append((reader.line_num, name, "".join(said)))
            else:
                rows += [(reader.line_num, typed, after) for _, typed, after in _typed(name)]
    except csv.Error:
        raise ClassRefused("columns", "The text cannot be read.", n=str(reader.line_num)) from None
    return rows


def plan(connection: Connection, lines: Sequence[Line], mask: Masker) -> list[Planned]:
    """What would become of each line now. Descriptions are masked."""
    known = {one.name: one for one in list_classes(connection)}
    seen: set[str] = set()
    planned = []
    for line in lines:
        try:
            require_impersonal(line.name, mask)
            masked = Line(line.number, line.name, description_as_stored(mask(line.description)) or "")
            if folded(line.name) in seen:
                raise ClassRefused("twice", f"'{line.name}' stands twice in the text.", name=line.name)
            planned.append(_planned(connection, masked, known))
        except ClassRefused as error:
            planned.append(Planned(line, "refused", refused=error))
        seen.add(folded(line.name))
    return planned


def _planned(connection: Connection, line: Line, known: Mapping[Label, ClassOfTeam]) -> Planned:
    found = known.get(line.name)
    if found is None:
        require_not_merged(connection, line.name)
        require_new(connection, line.name, with_former=True)
        return Planned(line, "new")
    if found.retired_at:
        raise ClassRefused("retired_before", f"'{line.name}' is retired.", name=line.name)
    before = found.description or ""
    if line.description in ("", before):
        return Planned(Line(line.number, line.name, before), "stays")
    return Planned(line, "described", before)


def stamp_of(planned: Sequence[Planned]) -> str:
    """Two plans have the same stamp if they do the same."""
    content = [(one.line.name, one.line.description, one.outcome, one.before) for one in planned]
    return sha256(json.dumps(content).encode()).hexdigest()
