"""What `firstline.toml` says about classes: which mean none of the others, and names that it has to list."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from firstline.console.visit import Visit
from firstline.errors import ClassRefused, SettingsInvalid
from firstline.settings import read_settings, remember_none
from firstline.store.class_changes import ClassOfTeam, name_as_stored
from firstline.store.classes import keep_kinds
from firstline.types import Label

_log = logging.getLogger("firstline.console")


@dataclass(frozen=True)
class Unlisted:
    """Names that settings lack: `fixed` are refused at import, `review` are former and new names in `always_review`."""

    fixed: list[Label]
    review: list[tuple[Label, Label]]


def mean_none(visit: Visit, connection: Connection, name: Label, *, is_none: bool) -> None:
    """Write into `firstline.toml` whether a class means none of the others; to be done last in a transaction.

    Raises `ClassRefused` if the file cannot be changed.
    """
    file = visit.place.settings_file
    try:
        before = read_settings(file).classes.none
        others = [one for one in before if name_as_stored(one) != name]
        if is_none == (len(others) < len(before)):
            return
        remember_none(file, [*others, name] if is_none else others)
    except SettingsInvalid as error:
        _log.error("Request %s failed: %s", visit.request_id, error.message)
        raise ClassRefused("settings", "firstline.toml cannot be changed.", error.next_step) from None
    visit.console.look_again()
    keep_kinds(connection, visit.place.none_classes)


def unlisted(visit: Visit, found: Sequence[ClassOfTeam]) -> Unlisted:
    """The names of classes in use that the settings should list and do not."""
    settings = visit.place.settings
    listed = {name_as_stored(name) for name in settings.classes.fixed}
    names = [one.name for one in found if not one.retired_at]
    missing = [name for name in names if name not in listed | visit.place.none_classes] if listed else []
    review = visit.place.always_review
    renamed = [
        (former, one.name)
        for one in found
        for former in one.former_names
        if former in review and one.name not in review
    ]
    return Unlisted(missing, renamed)
