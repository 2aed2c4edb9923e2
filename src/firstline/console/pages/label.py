"""The labelling page: one message at a time, at the speed of the keyboard.

The page comes with the next messages in it. Each label goes out in the background, and its answer brings more messages.
"""

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from firstline.console.cards import Card, card, card_key
from firstline.console.page import page
from firstline.console.progress import FIRST_MODEL, labels_to_first_model
from firstline.console.queue import ask_for_queue
from firstline.console.today import midnight
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import LeaseLost
from firstline.messages.importing import masker
from firstline.store.database import writing_rows
from firstline.store.labelling import (
    SECOND,
    ClassInUse,
    Kind,
    classes_in_use,
    count_given_since,
    examples_of,
    fill_at_random,
    give_label,
    last_given,
    lease_next,
    remark,
    take_back,
    was_taken_back,
)

AHEAD = 10
"""So many messages are in the page before they are needed."""
_DRAWN = 50
"""How many messages are drawn at random at once, if the queue is short."""
_LAST = 5
_EXAMPLES = 3
_LONGEST_NOTE = 1_000
_LARGEST_ID = 2**31 - 1


@page("/label", role="annotator", menu=later("Labelling"))
def label(visit: Visit) -> Answer:
    """The page, with the next messages leased to whoever asks."""
    with writing_rows(visit.place.database) as connection:
        choices = classes_in_use(connection)
        ask_for_queue(connection)
        cards = _next(connection, visit, choices) if choices else []
        last = last_given(connection, visit.person.name, _LAST)
        today = count_given_since(connection, visit.person.name, midnight())
        n_first = labels_to_first_model(visit.place, connection)
    return visit.render(
        "label.html.jinja",
        cards=cards,
        classes=choices,
        none_class=_none(visit, choices),
        last=last,
        names={one.id: one.name for one in choices},
        today=today,
        n_first=n_first,
        first_model=FIRST_MODEL,
    )


@page("/label/more", role="annotator", method="POST")
def more(visit: Visit) -> Answer:
    """More messages for the page that is open; the leases of those it shows are lengthened."""
    return _told(visit, lambda connection: {})


@page("/label/give", role="annotator", method="POST")
def give(visit: Visit) -> Answer:
    """Label a message, or look at one that has a label a second time."""

    def answer(connection: Connection) -> dict[str, object]:
        class_id = _number(visit, "class")
        given = give_label(connection, visit.person.name, _number(visit, "message"), class_id)
        ask_for_queue(connection)
        return {"label": given.ref}

    return _told(visit, answer)


@page("/label/undo", role="annotator", method="POST")
def undo(visit: Visit) -> Answer:
    """Take back a label; its message is the next again. If it is sent twice, the second answer is that of the first."""
    is_second = visit.form.get("label").startswith(SECOND)

    def answer(connection: Connection) -> dict[str, object]:
        label_id = _number(visit, "label", SECOND if is_second else "")
        try:
            message_id = take_back(connection, visit.person.name, label_id, is_second=is_second).message_id
        except LeaseLost:
            # The first answer may have been lost on the way.
            message_id = _number(visit, "message") if visit.form.get("message") else 0
            if not was_taken_back(connection, visit.person.name, message_id, is_second=is_second):
                raise
        return {"back": message_id, "card": card_key(message_id, is_second)}

    return _told(visit, answer)


@page("/label/remark", role="annotator", method="POST")
def remark_on(visit: Visit) -> Answer:
    """Skip a message, leave it to a lead, or write a note."""
    kind = visit.form.get("kind")
    if kind not in ("skip", "unsure", "note"):
        return Answer(status=400)
    text = visit.form.get("text")[:_LONGEST_NOTE].strip()
    masked = masker(visit.place.settings)(text) if text else None

    def answer(connection: Connection) -> dict[str, object]:
        known: Kind = kind  # type: ignore[assignment]
        remark(connection, visit.person.name, _number(visit, "message"), known, masked)
        return {}

    return _told(visit, answer)


@page("/classes/{class_id:int}/guide", role="annotator")
def guide(visit: Visit) -> Answer:
    """What belongs into a class: its description and the last messages that were put there."""
    class_id = int(visit.parameters["class_id"])
    with visit.place.database.connect() as connection:
        # Compared here: a number that is too large for the database would be an error there.
        found = next((one for one in classes_in_use(connection) if one.id == class_id), None)
        examples = examples_of(connection, class_id, _EXAMPLES) if found else []
    return visit.render("guide.html.jinja", one=found, examples=examples)


def _told(visit: Visit, work: Callable[[Connection], dict[str, object]]) -> Answer:
    """Do something, and answer with what the page needs next as JSON. A lost lease is told with 409."""
    try:
        with writing_rows(visit.place.database) as connection:
            answer = work(connection)
            cards = _next(connection, visit, classes_in_use(connection))
            answer["today"] = count_given_since(connection, visit.person.name, midnight())
            answer["first"] = labels_to_first_model(visit.place, connection)
    except LeaseLost as error:
        return _json({"error": error.code}, status=409)
    except ValueError:
        return _json({"error": "input"}, status=400)
    rendered = visit.render("cards.html.jinja", cards=cards)
    return _json({**answer, "cards": rendered.content.decode()})


def _next(connection: Connection, visit: Visit, choices: Sequence[ClassInUse]) -> list[Card]:
    found = lease_next(connection, visit.person.name, AHEAD)
    if len(found) < AHEAD and fill_at_random(connection, _DRAWN):
        found = lease_next(connection, visit.person.name, AHEAD)
    none = _none(visit, choices)
    # It has a key of its own.
    options = [one for one in choices if one != none]
    return [card(one, options) for one in found]


def _none(visit: Visit, choices: Sequence[ClassInUse]) -> ClassInUse | None:
    """The class that means none of the others, if the team has one."""
    return next((one for one in choices if one.name in visit.place.none_classes), None)


def _number(visit: Visit, name: str, prefix: str = "") -> int:
    """The id in a field, after `prefix`. Raises `ValueError` if it is none that the database could hold."""
    found = int(visit.form.get(name).removeprefix(prefix))
    if not 0 < found <= _LARGEST_ID:
        raise ValueError
    return found


def _json(value: dict[str, object], status: int = 200) -> Answer:
    return Answer(json.dumps(value).encode(), status, media_type="application/json")
