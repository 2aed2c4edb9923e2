"""Prodigy's JSONL: choices in `accept`, or one label that was accepted or rejected."""

import re
from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import LABELLED_BY, UNANSWERED, ExportRoles, Item

_ANSWERS = ("accept", "reject", "ignore")
_BY_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:_\d\d-\d\d-\d\d)?")
"""The name of a session that nobody named."""


_OWN = frozenset({"_timestamp", "_input_hash", "_task_hash", "_annotator_id", "_session_id", "_view_id", "answer"})
"""Keys of Prodigy itself, which are no fields of the team."""


class Prodigy:
    name = "Prodigy"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        is_shaped = {"text", "answer"} <= set(keys) and not {"accept", "label"}.isdisjoint(keys)
        return is_shaped and any("text" in item and item.get("answer") in _ANSWERS for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(dict.fromkeys([*keys, "label", LABELLED_BY]))

    def row(self, item: Item) -> Item | None:
        chosen = item["accept"] if "accept" in item else item.get("label")
        answer = item.get("answer")
        if answer in _ANSWERS:
            # A label that was rejected, or a question that was passed over, says nothing of the right one.
            return {**item, "label": chosen if answer == "accept" else None, LABELLED_BY: _annotator(item)}
        return {**item, "label": {UNANSWERED: chosen} if chosen else None}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        return ExportRoles({"text": "text", "label": "label", LABELLED_BY: LABELLED_BY}, _OWN)


def _annotator(item: Item) -> object:
    """The name of the session in which a person answered, if it has one."""
    name = item.get("_annotator_id") or item.get("_session_id")
    return None if isinstance(name, str) and _BY_TIME.fullmatch(name) else name
