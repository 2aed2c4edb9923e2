"""Importing a file: upload, look at five masked rows and the columns, then import. Leads and admins."""

import logging
from contextlib import suppress
from typing import Literal

from firstline.console.importing import (
    CONVERSATION_ROLES,
    MAIN_ROLES,
    Choice,
    Imported,
    columns_of,
    import_upload,
    rehearse,
)
from firstline.console.page import page
from firstline.console.progress import LEAST_CLASSES, command
from firstline.console.queue import ask_for_queue_now
from firstline.console.uploads import Upload
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import (
    ColumnMissing,
    DatesUnclear,
    ExtraMissing,
    FileUnreadable,
    FirstlineError,
    FormatUnknown,
    InputError,
    SettingsInvalid,
    SourceUnclear,
    StoreUnusable,
    WorkspaceBusy,
    WorkspaceError,
    WorkspaceMissing,
)
from firstline.store.database import writing_rows
from firstline.store.labelling import classes_in_use

_log = logging.getLogger("firstline.console")
_MOST_VALUES_CHARS = 500
_NOT_READ = later("The file cannot be read like this.")
_NO_SETTINGS = later(
    "The file firstline.toml cannot be read, so nothing was imported. Ask whoever looks after this machine; the log"
    " says why."
)
_HEADLINES: dict[type[FirstlineError], str] = {
    ColumnMissing: later("Choose the columns: at least the one with the message."),
    DatesUnclear: later("Choose how dates such as 01/02/2026 are read."),
    ExtraMissing: later("Files of this kind need a part of Firstline that is not installed. Export the file as CSV."),
    FileUnreadable: later("The file cannot be read. Export it again, for example as CSV in UTF-8."),
    FormatUnknown: later("Firstline does not read files of this kind. Export it as CSV, Excel or JSON."),
    SettingsInvalid: _NO_SETTINGS,
    SourceUnclear: later(
        "Ids of this file are known with quite other messages. If they come from another system, import the file with"
        " the command, and name the system: --source NAME"
    ),
    StoreUnusable: later("The database cannot be used now. Nothing was imported."),
    WorkspaceBusy: later("Another command is writing to the workspace. Try again when it has finished."),
    WorkspaceMissing: _NO_SETTINGS,
}


@page("/import", role="lead", menu=later("Import and export"))
def choose(visit: Visit) -> Answer:
    """The form for a file."""
    return visit.render("import.html.jinja", most_bytes=visit.console.settings.max_upload_bytes, is_missing=False)


@page("/import", role="lead", method="POST", takes_file=True)
def upload(visit: Visit) -> Answer:
    """Keep the file, and go on to a look at it."""
    if visit.upload is None:
        most_bytes = visit.console.settings.max_upload_bytes
        return visit.render("import.html.jinja", 422, most_bytes=most_bytes, is_missing=True)
    visit.console.uploads.keep(visit.upload)
    return visit.go_to("/import/check")


@page("/import/check", role="lead", lane="slow")
def check(visit: Visit) -> Answer:
    """What the import would do, with the columns that were found."""
    return _look(visit, visit.console.uploads.of(visit.person.id), Choice())


@page("/import/check", role="lead", method="POST", lane="slow")
def check_again(visit: Visit) -> Answer:
    """The same with the columns that were chosen."""
    return _look(visit, visit.console.uploads.of(visit.person.id), _choice(visit))


@page("/import/run", role="lead", method="POST", lane="slow")
def run(visit: Visit) -> Answer:
    """Import, and delete the uploaded file."""
    kept, choice = visit.console.uploads.of(visit.person.id), _choice(visit)
    try:
        imported = import_upload(visit.place, kept, choice)
    except FirstlineError as error:
        return _show(visit, kept, choice, None, error)
    visit.console.uploads.drop(kept)
    if imported.report.n_new:
        _ask_for_queue(visit)
    return visit.render(
        "import_done.html.jinja",
        name=kept.name,
        report=imported.report,
        imported=imported,
        undo_command=command(visit.place, "import --undo"),
    )


@page("/import/drop", role="lead", method="POST")
def drop(visit: Visit) -> Answer:
    """Delete the uploaded file."""
    visit.console.uploads.drop(visit.console.uploads.of(visit.person.id))
    return visit.go_to("/import")


def _ask_for_queue(visit: Visit) -> None:
    """Have the worker choose among the new messages by the time that somebody labels. Without classes it is too early.

    The import is done whether or not this can be written now.
    """
    with suppress(WorkspaceError), writing_rows(visit.place.database) as connection:
        if len(classes_in_use(connection)) >= LEAST_CLASSES:
            ask_for_queue_now(connection)


def _look(visit: Visit, kept: Upload, choice: Choice) -> Answer:
    try:
        return _show(visit, kept, choice, rehearse(visit.place, kept, choice), None)
    except FirstlineError as error:
        return _show(visit, kept, choice, None, error)


def _show(
    visit: Visit, kept: Upload, choice: Choice, imported: Imported | None, error: FirstlineError | None
) -> Answer:
    """The page with the columns to choose from; with what would be imported, or with what is wrong."""
    if error is not None and not isinstance(error, InputError):
        _log.error("An import failed: %s", error.message)
    try:
        columns = columns_of(visit.place, kept, choice)
    except FirstlineError:
        columns = []
    report = None if imported is None else imported.report
    return visit.render(
        "import_check.html.jinja",
        200 if error is None else 422,
        name=kept.name,
        choice=choice,
        columns=columns,
        chosen={**(report.columns if report is not None else {}), **choice.columns},
        main_roles=MAIN_ROLES,
        conversation_roles=CONVERSATION_ROLES,
        report=report,
        headline="" if error is None else visit.say(_HEADLINES.get(type(error), _NOT_READ)),
        details=error.message if isinstance(error, InputError) else "",
    )


def _choice(visit: Visit) -> Choice:
    form = visit.form
    roles = (*MAIN_ROLES, *CONVERSATION_ROLES)
    order: Literal["", "day_first", "month_first"] = ""
    if form.get("date_order") == "day_first":
        order = "day_first"
    elif form.get("date_order") == "month_first":
        order = "month_first"
    values = form.get("agent_values")[:_MOST_VALUES_CHARS].split(",")
    return Choice(
        columns={role: form.get(f"column_{role}") for role in roles if form.get(f"column_{role}")},
        agent_values=tuple(value.strip() for value in values if value.strip()),
        has_header=form.get("no_header") != "on",
        date_order=order,
        relabel=form.get("relabel") == "on",
    )
