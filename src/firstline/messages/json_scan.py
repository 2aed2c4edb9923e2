"""Where the messages stand in a JSON file, and which keys they have: from the parser's events."""

from collections.abc import Iterator
from typing import Any

MAX_COLUMNS = 10_000
_CHATS = [[name, "list", "item"] for name in ("chats", "left_chats")]
_CHAT_MESSAGES = [[*chats, "messages", "item"] for chats in _CHATS]
"""Telegram's export of a whole account; the first list in it holds contacts."""


class TooDeep(ValueError):
    """Lists and objects are nested deeper than in any export."""


class TooManyKeys(ValueError):
    """The objects have more different keys than a table has columns."""


class Scan:
    """Finds the first list of objects, and gathers the keys of its objects.

    Of Telegram's exports these are the messages of all chats, also of those that the user has left. It also notes the
    chats and how many messages each has: the messages do not tell.
    """

    def __init__(self, max_depth: int) -> None:
        self._max_depth = max_depth
        self._open_at: list[str] = []
        self._is_item = False
        self._item_depth = 0
        self.paths: list[list[str]] = []
        """The keys that lead to the objects; "item" stands for a list. Of several, all have the same length."""
        self.keys: dict[str, None] = {}
        self._chats: dict[str, list[tuple[object, int]]] = {}
        self._root_id: object = None

    def places(self) -> Iterator[tuple[str, Iterator[object]]]:
        """ijson's name of each list of objects, and the id of the chat of each object, None if there are no chats."""
        for path in self.paths:
            yield ".".join(path), self._chat_ids(self._chats.get(path[0], []))

    def _chat_ids(self, chats: list[tuple[object, int]]) -> Iterator[object]:
        for chat_id, n_messages in chats:
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
        if at in _CHATS:
            self._chats.setdefault(at[0], []).append((None, 0))
        if at and at[-1] == "item":
            self._note_list(at)
        if self.paths and len(at) == len(self.paths[0]):
            self._is_item = at in self.paths
            self._item_depth = len(at) + 1
            if self._is_item and at in _CHAT_MESSAGES and (chats := self._chats.get(at[0])):
                chat_id, n_messages = chats[-1]
                chats[-1] = (chat_id, n_messages + 1)

    def _note_list(self, at: list[str]) -> None:
        """The messages of chats are read instead of a list before them."""
        if not self.paths:
            self.paths.append(at.copy())
        elif at in _CHAT_MESSAGES and at not in self.paths:
            if self.paths[0] not in _CHAT_MESSAGES:
                self.paths.clear()
                self.keys.clear()
            self.paths.append(at.copy())

    def _note_id(self, value: object) -> None:
        if len(self._open_at) == 1:
            self._root_id = value
        elif self._open_at[:-1] in _CHATS and (chats := self._chats.get(self._open_at[0])):
            chats[-1] = (value, chats[-1][1])
