"""Changes of classes from the pages: one at a time, in one transaction, refused in the language of the visit."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from firstline.console.queue import ask_for_queue_now
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import ClassRefused, WorkspaceBusy
from firstline.store.database import writing

_SENTENCES: Mapping[str, str] = {
    "empty": later("A class needs a name."),
    "long": later("The name is longer than 100 characters. Put the rest into the description."),
    "description_long": later("The description is longer than 1,000 characters. A sentence or two will do."),
    "personal": later("The name looks like personal data, such as a phone number. Choose another name."),
    "exists": later("There is a class “%(name)s” already."),
    "alike": later("“%(name)s” differs from the class “%(other)s” only in capital letters or spaces."),
    "former": later("“%(name)s” is a former name of “%(other)s”. Choose another name."),
    "was_merged": later(
        "“%(name)s” was merged into “%(other)s”. Separate them again on its page, or choose another name."
    ),
    "missing": later("There is no class “%(name)s” any more."),
    "is_now": later("“%(name)s” is “%(other)s” now."),
    "changed": later(
        "Somebody has changed this class meanwhile: compare the values below. What you entered is still in the fields."
    ),
    "moved": later("Somebody has changed one of the two classes meanwhile. Look at both, then choose again."),
    "itself": later("A class cannot be merged with itself. Choose another one."),
    "into_retired": later("“%(name)s” is out of use. Bring it back first, or choose another class."),
    "not_merged": later("“%(name)s” is a class of its own already."),
    "merged_twice": later("“%(other)s” was merged into another class later. Separate that first."),
    "choose": later("Choose the class to merge it into."),
    "settings": later(
        "The file firstline.toml cannot be changed here, so nothing was saved. Ask whoever looks after this machine"
        " to set “none” under [classes]."
    ),
    "no_lines": later("Write at least one class."),
    "many_lines": later("At most 300 classes at once. Send the rest after these."),
    "columns": later("Line %(n)s has more than two columns. Only a name and a sentence belong there."),
    "twice": later("“%(name)s” stands in the text twice."),
    "retired_before": later("“%(name)s” is out of use. Bring it back on its page."),
    "plan_changed": later("The text or the classes have changed since the check. Look at the list again, then save."),
    "plan_refused": later("Nothing is saved yet. Mend the lines that are marked, then check again."),
    "none_missing": later("The class that means none of the others is not in the text. Choose again."),
}
_STALE = frozenset({"changed", "moved", "is_now", "not_merged", "merged_twice", "plan_changed"})
_BUSY = later("An import or a command is writing to the workspace. Nothing was saved; try again in a moment.")


def sentence(visit: Visit, error: ClassRefused) -> str:
    """Why a class cannot be changed so, in the language of the visit."""
    said = visit.say(_SENTENCES[error.reason])
    return said % error.names if error.names and "%(" in said else said


def changed(visit: Visit, change: Callable[[Connection], str], again: Callable[[str, int], Answer]) -> Answer:
    """Make a change and go to the address that it returns, or show the page `again` with the reason and a status.

    The worker is asked for a new queue, whose suggestions come from the names and descriptions of the classes.
    """
    try:
        with writing(visit.place.database) as connection:
            address = change(connection)
            ask_for_queue_now(connection)
    except ClassRefused as error:
        return again(sentence(visit, error), 409 if error.reason in _STALE else 422)
    except WorkspaceBusy:
        return again(visit.say(_BUSY), 503)
    return visit.go_to(address)
