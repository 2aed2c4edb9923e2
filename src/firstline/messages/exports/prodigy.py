"""Prodigy's JSONL: choices in `accept`, or one label that was accepted or rejected."""

from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import UNANSWERED, ExportRoles, Item

_ANSWERS = ("accept", "reject", "ignore")


class Prodigy:
    name = "Prodigy"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        is_shaped = {"text", "answer"} <= set(keys) and not {"accept", "label"}.isdisjoint(keys)
        return is_shaped and any("text" in item and item.get("answer") in _ANSWERS for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(dict.fromkeys([*keys, "label"]))

    def row(self, item: Item) -> Item | None:
        chosen = item["accept"] if "accept" in item else item.get("label")
        answer = item.get("answer")
        if answer in _ANSWERS:
            # A label that was rejected, or a question that was passed over, says nothing of the right one.
            return {**item, "label": chosen if answer == "accept" else None}
        return {**item, "label": {UNANSWERED: chosen} if chosen else None}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        return ExportRoles({"text": "text", "label": "label"}, frozenset({"_timestamp"}))
