"""Where the messages stand in a JSON file, and which keys they have: from the parser's events."""

from collections.abc import Iterator
from typing import Any

MAX_COLUMNS = 10_000
_CHATS = ["chats", "list", "item"]
_CHAT_MESSAGES = [*_CHATS, "messages", "item"]
"""Telegram's export of a whole account; the first list in it holds contacts."""


class TooDeep(ValueError):
    """Lists and objects are nested deeper than in any export."""


class TooManyKeys(ValueError):
    """The objects have more different keys than a table has columns."""


class Scan:
    """Finds the first list of objects, and gathers the keys of its objects.

    Of Telegram's exports it also notes the chats and how many messages each has: the messages do not tell.
    """

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._open_at: list[str] = []
        self._is_item = False
        self._item_depth = 0
        self.path: list[str] | None = None
        """The keys that lead to the objects; "item" stands for a list."""
        self.keys: dict[str, None] = {}
        self._chats: list[tuple[object, int]] = []
        self._root_id: object = None

    @property
    def prefix(self) -> str:
        """ijson's name of the objects."""
        return ".".join(self.path or ())

    def chat_ids(self) -> Iterator[object]:
        """The chat id of each object, in order; None if the file contains no chats."""
        for chat_id, n_messages in self._chats:
            for _ in range(n_messages):
                yield chat_id
        while True:
            yield self._root_id

    def feed(self, event: str, value: Any) -> None:
        """Takes one event of the parser. Raises `TooDeep` or `TooManyKeys`."""
        if event == "map_key":
            self._open_at[-1] = value
            if self._is_item and len(self._open_at) == self._item_depth:
                self.keys[value] = None
                if len(self.keys) > MAX_COLUMNS:
                    raise TooManyKeys(f"{MAX_COLUMNS:,}")
        elif event in ("start_map", "start_array"):
            if event == "start_map":
                self._begin_object()
            self._open_at.append("item" if event == "start_array" else "")
            if len(self._open_at) > self._max_depth:
                raise TooDeep(f"it is nested more than {self._max_depth} deep")
        elif event in ("end_map", "end_array"):
            self._open_at.pop()
        elif self._open_at and self._open_at[-1] == "id":
            self._note_id(value)

    def _begin_object(self) -> None:
        at = self._open_at
        if at == _CHATS:
            self._chats.append((None, 0))
        if at and at[-1] == "item" and (self.path is None or (at == _CHAT_MESSAGES and self.path != at)):
            self.path = at.copy()
            self.keys.clear()
        if self.path is not None and len(at) == len(self.path):
            self._is_item = at == self.path
            self._item_depth = len(at) + 1
            if self._is_item and at == _CHAT_MESSAGES and self._chats:
                chat_id, n_messages = self._chats[-1]
                self._chats[-1] = (chat_id, n_messages + 1)

    def _note_id(self, value: object) -> None:
        if len(self._open_at) == 1:
            self._root_id = value
        elif self._chats and self._open_at[:-1] == _CHATS:
            self._chats[-1] = (value, self._chats[-1][1])
