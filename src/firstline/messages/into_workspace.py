"""Imports a file or a pipe into a workspace; saves the columns that the caller named for the next import."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from firstline.messages.importing import ImportProgress, ImportReport, import_file
from firstline.messages.pipes import readable
from firstline.messages.reading import ANSWERS
from firstline.messages.records import ReadingOptions
from firstline.settings import remember_columns
from firstline.store.workspace import Workspace


@dataclass(frozen=True)
class ImportRequest:
    """What the caller wants done with a file; as in `import_file`."""

    said: Mapping[str, str] = field(default_factory=dict)
    agent_values: tuple[str, ...] = ()
    options: ReadingOptions = field(default_factory=ReadingOptions)
    relabel: bool = False
    is_random: bool = False
    source: str | None = None
    is_rehearsal: bool = False
    date_order: Literal["", "day_first", "month_first"] = ""


def import_into(place: Workspace, file: Path, request: ImportRequest) -> Generator[ImportProgress, None, ImportReport]:
    """Import one file as `import_file` does. Raises what that raises, and `FileUnreadable` for a pipe.

    The caller holds the lock of the messages, and calls `remember` afterwards.
    """
    with readable(file, place.temporary) as path:
        report = yield from import_file(
            place,
            path,
            request.said,
            request.agent_values,
            request.options,
            request.relabel,
            request.source,
            request.is_rehearsal,
            request.date_order,
            request.is_random,
        )
    return replace(report, file=str(file))


def date_order(day_first: bool | None) -> Literal["", "day_first", "month_first"]:
    """How to read 01/02/2026; None leaves it to the column and the settings."""
    if day_first is None:
        return ""
    return "day_first" if day_first else "month_first"


def remember(place: Workspace, request: ImportRequest) -> bool:
    """Save the columns that the caller named for the next import, unless it was a rehearsal; whether there were any.

    An answer of `classify` is not saved: it is a label only in the import that names it.
    """
    named: dict[str, str | tuple[str, ...]] = {
        role: name for role, name in request.said.items() if role != "label" or not name.startswith(ANSWERS)
    }
    if request.agent_values:
        named["agent_values"] = request.agent_values
    if request.date_order:
        named["date_order"] = request.date_order
    is_saved = bool(named) and not request.is_rehearsal
    if is_saved:
        remember_columns(place.settings_file, named)
    return is_saved
