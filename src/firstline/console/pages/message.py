"""One message and everything that was said of it. For leads."""

from firstline.console.cards import pieces
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.errors import RequestError
from firstline.store.history import read_history

_LARGEST_ID = 2**31 - 1


@page("/messages/{message_id:int}", role="lead")
def history(visit: Visit) -> Answer:
    """Who labelled the message, when, and what became of it. Raises `RequestError` if there is no such message."""
    message_id = int(visit.parameters["message_id"])
    found = None
    if message_id <= _LARGEST_ID:
        with visit.place.database.connect() as connection:
            found = read_history(connection, message_id)
    if found is None:
        raise RequestError(
            "no_message", later("There is no such message."), later("It may have been deleted."), status=404
        )
    return visit.render("message.html.jinja", found=found, pieces=pieces)
