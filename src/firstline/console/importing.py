"""Imports an uploaded file, as `firstline import` does: first a rehearsal, then the same for good."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from firstline.console.uploads import Upload
from firstline.errors import FirstlineError, SettingsInvalid
from firstline.messages.column_names import is_plain
from firstline.messages.columns import ROLES
from firstline.messages.formats import open_reader
from firstline.messages.importing import ImportReport
from firstline.messages.into_workspace import ImportRequest, import_into, remember
from firstline.messages.reading import reading_options
from firstline.steps import run_to_end
from firstline.store.workspace import Workspace

MAIN_ROLES = ("text", "label", "labelled_by", "id", "segment", "sent_at")
CONVERSATION_ROLES = ("conversation", "author")
_MOST_COLUMNS = 500


@dataclass(frozen=True)
class Choice:
    """How a person wants the file read. A role without a column is found by its name."""

    columns: Mapping[str, str] = field(default_factory=dict)
    agent_values: tuple[str, ...] = ()
    has_header: bool = True
    date_order: Literal["", "day_first", "month_first"] = ""
    relabel: bool = False


@dataclass(frozen=True)
class Imported:
    """What came of a rehearsal or an import. `are_columns_saved` is False if firstline.toml could not be written."""

    report: ImportReport
    are_columns_saved: bool = True


def columns_of(place: Workspace, upload: Upload, choice: Choice) -> list[str]:
    """The columns to choose from; names that look like data are left out. Raises `InputError`."""
    options = reading_options(place.settings, no_header=not choice.has_header)
    try:
        columns = open_reader(upload.file, options).columns
    except FirstlineError as error:
        raise _about(upload, error) from None
    return [name for name in columns if not choice.has_header or is_plain(name)][:_MOST_COLUMNS]


def rehearse(place: Workspace, upload: Upload, choice: Choice) -> Imported:
    """What the import would do, with five masked messages. Raises `InputError`, `WorkspaceBusy`, `StoreUnusable`."""
    imported = _run(place, upload, choice, is_rehearsal=True)
    if not choice.columns:
        upload.detected = dict(imported.report.columns)
    return imported


def import_upload(place: Workspace, upload: Upload, choice: Choice) -> Imported:
    """Import the file, whole or not at all. Raises what `rehearse` raises."""
    return _run(place, upload, choice, is_rehearsal=False)


def _run(place: Workspace, upload: Upload, choice: Choice, *, is_rehearsal: bool) -> Imported:
    # With the settings of now: the last import may have saved columns, and a person changed the masks.
    present = Workspace.find(place.folder)
    said = {role: name for role, name in choice.columns.items() if role in ROLES and upload.detected.get(role) != name}
    request = ImportRequest(
        said,
        choice.agent_values,
        reading_options(present.settings, said.get("text"), no_header=not choice.has_header),
        relabel=choice.relabel,
        is_rehearsal=is_rehearsal,
        date_order=choice.date_order,
    )
    try:
        with present.hold("messages", "console"):
            report = run_to_end(import_into(present, upload.file, request), lambda _: None)
            return Imported(report, are_columns_saved=_save(present, request))
    except FirstlineError as error:
        raise _about(upload, error) from None
    finally:
        present.database.dispose()


def _save(place: Workspace, request: ImportRequest) -> bool:
    try:
        remember(place, request)
    except SettingsInvalid:
        return False
    return True


def _about(upload: Upload, error: FirstlineError) -> FirstlineError:
    """The error with the file's own name instead of where it lies for now."""
    error.message = error.message.replace(str(upload.file), upload.name)
    error.next_step = error.next_step.replace(str(upload.file), upload.name)
    error.args = (error.message,)
    return error
