"""doccano's JSONL: a text, and a list of labels."""

from collections.abc import Iterable, Sequence

from firstline.messages.exports.base import ExportRoles, Item

_TEXTS, _LABELS = ("text", "data"), ("label", "labels", "cats")
_OTHERS = {
    "id",
    "meta",
    "metadata",
    "comments",
    "Comments",
    "annotation_approver",
    "entities",
    "relations",
    "annotator",
}


class Doccano:
    name = "doccano"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        text, label = _first(keys, _TEXTS), _first(keys, _LABELS)
        if text is None or label is None or not {"id"} <= set(keys) <= {text, label} | _OTHERS:
            return False
        return any(isinstance(item.get(label), list) for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(keys)

    def row(self, item: Item) -> Item | None:
        return item

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        return ExportRoles(
            {"text": _first(columns, _TEXTS) or "text", "id": "id", "label": _first(columns, _LABELS) or "label"}
        )


def _first(keys: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in keys), None)
