"""One message: find it by its number or by its id in another system, see what is known about it, forget it."""

import logging
from collections.abc import Sequence

from sqlalchemy import Connection

from firstline.console.cards import pieces
from firstline.console.deciding import stale
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import FileUnwritable, RequestError, UnusableCell
from firstline.evaluation.forgetting import Wanted, forget_everywhere
from firstline.messages.cells import read_name
from firstline.messages.importing import masker
from firstline.messages.incoming import Names
from firstline.store.history import read_history
from firstline.store.key import open_key
from firstline.store.single import SingleMessage, messages_of_id, read_message

_LONGEST_ID = 1_000
_MOST_FOUND = 20
_log = logging.getLogger("firstline.console")


@page("/messages", role="lead")
def messages(visit: Visit) -> Answer:
    """Where to look for a message."""
    done = visit.query.get("done")
    return _search(visit, done=done if done in ("forgotten", "not_rewritten") else "")


@page("/messages", role="lead", method="POST")
def find(visit: Visit) -> Answer:
    """Find messages by number or id; a POST, because ids may be phone numbers and addresses are kept in histories."""
    asked = visit.form.get("id")[:_LONGEST_ID].strip()
    found: list[SingleMessage] = []
    if asked:
        with visit.place.database.connect() as connection:
            found = _find(connection, visit, asked)
    if len(found) == 1:
        return visit.go_to(f"/messages/{found[0].id}")
    return _search(visit, found, asked=asked)


@page("/messages/{message_id:int}", role="lead")
def message(visit: Visit) -> Answer:
    """What is stored about one message, who labelled it and when, and the way to forget it."""
    with visit.place.database.connect() as connection:
        found = read_message(connection, int(visit.parameters["message_id"]))
        history = read_history(connection, found.id) if found else None
    if found is None or history is None:
        raise _missing()
    return visit.render("message.html.jinja", one=found, history=history, pieces=pieces)


@page("/messages/{message_id:int}/forget", role="lead", method="POST", lane="slow")
def forget(visit: Visit) -> Answer:
    """Delete a message for good. The form names its key, because a number may be given to another message later."""
    message_id = int(visit.parameters["message_id"])
    with visit.place.hold("messages", "console, forget"):
        with visit.place.database.connect() as connection:
            found = read_message(connection, message_id)
        if found is None:
            raise _missing()
        if visit.form.get("key") != found.key.hex():
            raise stale()
        try:
            gone = forget_everywhere(visit.place, Wanted(messages=(message_id,)))
        except FileUnwritable as error:
            _log.error("Request %s failed: %s", visit.request_id, error.message)
            raise RequestError(
                "records_unwritable",
                later("Recorded answers cannot be changed, so nothing was forgotten."),
                later("Ask whoever looks after this machine to check their permissions."),
                status=503,
            ) from None
    if gone.not_rewritten:
        _log.warning("Forgotten text may still be in the files of the database: %s", gone.not_rewritten)
    return visit.go_to(f"/messages?done={'not_rewritten' if gone.not_rewritten else 'forgotten'}")


def _search(visit: Visit, found: Sequence[SingleMessage] = (), *, asked: str = "", done: str = "") -> Answer:
    shown = [(one, pieces(one.text)) for one in found]
    return visit.render("messages.html.jinja", asked=asked, found=shown, done=done)


def _find(connection: Connection, visit: Visit, asked: str) -> list[SingleMessage]:
    """The messages that have this number or id. Ids that hold personal data are stored as hashes."""
    names = Names(masker(visit.place.settings), open_key(visit.place.folder, connection).hash_id)
    try:
        name = read_name(asked)
    except UnusableCell:
        name = None
    wanted = {one for one in (name, names.id(name)) if one}
    found = messages_of_id(connection, sorted(wanted)) if wanted else []
    number = asked.removeprefix("#").removeprefix("№")
    if number.isascii() and number.isdecimal() and len(number) < 11:
        found = list(dict.fromkeys([*found, int(number)]))
    read = (read_message(connection, one) for one in found[:_MOST_FOUND])
    return [one for one in read if one is not None]


def _missing() -> RequestError:
    return RequestError(
        "message_missing",
        later("There is no such message, or it is forgotten already."),
        later("Look for it by its id."),
        status=404,
    )
