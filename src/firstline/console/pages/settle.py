"""What people disagree about or were unsure of, one message after the other, for a lead to decide."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.console.cards import pieces
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import CaseChanged
from firstline.store.cases import Case, Opinion, open_cases, read_case
from firstline.store.database import writing_rows
from firstline.store.history import read_history
from firstline.store.labelling import ClassInUse, classes_in_use
from firstline.store.settling import last_decision, settle, take_back_decision
from firstline.types import Label

_LARGEST_ID = 2**31 - 1
_MOST_KEYS = 9
_DONE = ("settled", "undone")
_SENTENCES = {
    "settled": later("Somebody else has decided about this message, or its labels agree now."),
    "changed": later("This message has changed since you opened it. Look at it again."),
    "gone": later("This message has been deleted."),
    "class": later("This class is not in use any more. Choose another one."),
    "undone": later("This decision was undone or changed already."),
    "no_class": later("There is no class of this name. Choose one from the list."),
}


@dataclass(frozen=True)
class Option:
    """A class to choose, with those who gave it. `key` is its digit, empty if it cannot be chosen by one."""

    class_id: int
    label: Label
    description: str
    is_in_use: bool
    key: str
    opinions: list[Opinion] = field(default_factory=list)


@page("/agreement/settle", role="lead")
def case(visit: Visit) -> Answer:
    """The message with the next higher id than `after`, or the first one."""
    done = visit.query.get("done")
    return _show(visit, _number_or_0(visit.query.get("after")), done=done if done in _DONE else "")


@page("/agreement/settle", role="lead", method="POST")
def choose(visit: Visit) -> Answer:
    """Decide which class a message has."""

    def change() -> Answer:
        message_id = _number(visit, "message")
        with writing_rows(visit.place.database) as connection:
            class_id = _named(visit, classes_in_use(connection)) if visit.form.get("name") else _number(visit, "class")
            settle(connection, visit.person.name, message_id, class_id, visit.form.get("seen"))
        return visit.go_to(f"/agreement/settle?after={message_id}&done=settled")

    return _changed(visit, change)


@page("/agreement/undo", role="lead", method="POST")
def undo(visit: Visit) -> Answer:
    """Take back a decision of one's own; its message is shown again."""

    def change() -> Answer:
        message_id, at = _number(visit, "message"), datetime.fromisoformat(visit.form.get("at"))
        if at.tzinfo:
            raise ValueError
        with writing_rows(visit.place.database) as connection:
            take_back_decision(connection, visit.person.name, message_id, at)
        visit.console.split.add(message_id)
        return visit.go_to(f"/agreement/settle?after={message_id - 1}&done=undone")

    return _changed(visit, change)


def options(one: Case, choices: Sequence[ClassInUse], none: ClassInUse | None = None) -> list[Option]:
    """The classes that people gave, in the order of their labels. If nobody gave one, those that the model guesses.

    The key of `none`, the class that means none of the others, is always 0.
    """
    known = {choice.id: choice for choice in choices}
    found: dict[int, Option] = {}
    n_keys = 0

    def add(class_id: int, label: Label, description: str, is_in_use: bool) -> Option:
        nonlocal n_keys
        if none and class_id == none.id:
            found.setdefault(class_id, Option(class_id, label, description, is_in_use, "0"))
        elif class_id not in found:
            n_keys += is_in_use
            key = str(n_keys) if is_in_use and n_keys <= _MOST_KEYS else ""
            found[class_id] = Option(class_id, label, description, is_in_use, key)
        return found[class_id]

    for given in one.opinions:
        add(given.class_id, given.label, given.description, given.is_in_use).opinions.append(given)
    if not found:
        for guess in one.guesses:
            add(guess, known[guess].name, known[guess].description, True)
    return list(found.values())


def _changed(visit: Visit, change: Callable[[], Answer]) -> Answer:
    try:
        return change()
    except ValueError:
        return _show(visit, 0, status=400, refused=later("The request is not understood."))
    except CaseChanged as error:
        status = 422 if error.reason == "no_class" else 409
        return _show(visit, _number(visit, "message") - 1, status=status, refused=_SENTENCES[error.reason])


def _show(visit: Visit, after: int, *, status: int = 200, refused: str = "", done: str = "") -> Answer:
    with visit.place.database.connect() as connection:
        cases = list(open_cases(connection, visit.console.split.read(connection)))
        message_id = next((place for place in cases if place > after), cases[0] if cases else 0)
        found = read_case(connection, message_id) if message_id else None
        past = read_history(connection, message_id) if found else None
        choices = classes_in_use(connection)
        last = last_decision(connection, visit.person.name)
    none = next((one for one in choices if one.name in visit.place.none_classes), None)
    shown = options(found, choices, none) if found else []
    if none and any(one.class_id == none.id for one in shown):
        none = None
    return visit.render(
        "settle.html.jinja",
        status,
        case=found,
        n_cases=len(cases),
        pieces=pieces,
        events=past.events if past else [],
        options=shown,
        none_class=none,
        choices=choices,
        last=last,
        done=done,
        refused=visit.say(refused) if refused else "",
    )


def _named(visit: Visit, choices: Sequence[ClassInUse]) -> int:
    """The class with the name in the form, in whatever case if none is written just so."""
    wanted = visit.form.get("name").strip()
    alike = [one for one in choices if one.name.casefold() == wanted.casefold()]
    if not alike:
        raise CaseChanged("no_class", "There is no class of this name.", "Choose one from the list.")
    return next((one.id for one in alike if one.name == wanted), alike[0].id)


def _number(visit: Visit, name: str) -> int:
    """The id in a field. Raises `ValueError` if it is none that the database could hold."""
    found = int(visit.form.get(name))
    if not 0 < found <= _LARGEST_ID:
        raise ValueError
    return found


def _number_or_0(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0
