"""Prodigy's JSONL: choices in `accept`, or one label that was accepted or rejected."""

from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import ExportRoles, Item

_ANSWERS = {"accept", "reject", "ignore"}


class Prodigy:
    name = "Prodigy"

    def matches(self, keys: Sequence[str], items: Sequence[Item]) -> bool:
        is_shaped = {"text", "answer"} <= set(keys) and not {"accept", "label"}.isdisjoint(keys)
        return is_shaped and all(item.get("answer") in _ANSWERS for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(dict.fromkeys([*keys, "label"]))

    def row(self, item: Item) -> Item | None:
        # A label that was rejected, or a question that was passed over, says nothing of the right one.
        chosen = item["accept"] if "accept" in item else item.get("label")
        return {**item, "label": chosen if item.get("answer") == "accept" else None}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        return ExportRoles({"text": "text", "label": "label"}, frozenset({"_timestamp"}))
