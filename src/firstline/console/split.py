"""Which messages have several labels: a search through all labels, so its answer is kept for a while."""

import time
from threading import Lock

from sqlalchemy import Connection, func, select

from firstline.store.cases import split_messages
from firstline.store.schema import imports

_KEPT_S = 300.0


class SplitMessages:
    """The messages with several labels in force. They are looked for again after five minutes and after each import.

    The answer may have messages that somebody has settled since.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: set[int] = set()
        self._mark: tuple[int, ...] = ()
        self._until = 0.0

    def read(self, connection: Connection) -> set[int]:
        """Their ids."""
        counted = select(func.count(), func.count(imports.c.undone_at)).select_from(imports)
        mark = tuple(connection.execute(counted).one())
        with self._lock:
            if mark != self._mark or time.monotonic() > self._until:
                self._found = set(split_messages(connection))
                self._mark, self._until = mark, time.monotonic() + _KEPT_S
            return set(self._found)

    def add(self, message_id: int) -> None:
        """Look at this message, too: a decision about it was taken back."""
        with self._lock:
            self._found.add(message_id)
