"""doccano's JSONL: a text, and a list of labels."""

from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import LABELLED_BY, ExportRoles, Item

_TEXTS, _LABELS = ("text", "data"), ("label", "labels", "cats")
EXPORTED_LABEL = "exported_label"
"""The label with which Firstline exported a message, of which `labelled_by` speaks: doccano does not say who labels."""


class Doccano:
    name = "doccano"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        text, label = _first(keys, _TEXTS), _first(keys, _LABELS)
        if text is None or label is None or "id" not in keys:
            return False
        # The other keys are what the team imported with its texts.
        return any(isinstance(item.get(label), list) and isinstance(item.get("id"), int) for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(keys)

    def row(self, item: Item) -> Item | None:
        exported = item.get(EXPORTED_LABEL)
        is_changed = exported is not None and item.get(_first(list(item), _LABELS) or "") != [exported]
        return {**item, LABELLED_BY: None} if is_changed else item

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        return ExportRoles(
            {"text": _first(columns, _TEXTS) or "text", "id": "id", "label": _first(columns, _LABELS) or "label"}
        )


def _first(keys: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in keys), None)
