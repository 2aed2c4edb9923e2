"""Asks the worker for the labelling queue."""

from sqlalchemy import Connection

from firstline.labelling.queue import BATCH
from firstline.store.jobs import add_job, last_asked
from firstline.store.labelling import count_given_after

_ASKED_BY = "labelling"
"""Who asks for the queue, whichever page it is."""


def ask_for_queue(connection: Connection) -> None:
    """Once there is a batch of labels that the queue does not know, the worker makes it again."""
    asked = last_asked(connection, "queue")
    if asked is None or count_given_after(connection, asked) >= BATCH:
        ask_for_queue_now(connection)


def ask_for_queue_now(connection: Connection) -> None:
    """The worker makes the queue again, since messages came in, or classes or their descriptions have changed."""
    add_job(connection, "queue", {}, _ASKED_BY)
