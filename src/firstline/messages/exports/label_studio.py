"""Label Studio: its JSON, and the flat tables that it calls JSON-MIN and CSV."""

from collections.abc import Iterable, Iterator, Sequence

from firstline.messages.exports.base import LABELLED_BY, ExportRoles, Item, label_of_each

_ANNOTATIONS = ("annotations", "completions")
_FLAT_MARKS = {"annotator", "annotation_id", "lead_time"}
_OF_ANNOTATION = {*_FLAT_MARKS, "created_at", "updated_at", "agreement"}
_KNOWN = ("id", LABELLED_BY, "firstline_key")
_USUAL_TEXTS = ("text", "message", "текст", "сообщение")


class LabelStudio:
    """Tasks: the team's own fields in `data`, choices in `annotations`; what a model predicted is not read."""

    name = "Label Studio"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        is_shaped = "data" in keys and not {*_ANNOTATIONS}.isdisjoint(keys)
        return is_shaped and any(isinstance(item.get("data"), dict) for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        fields: dict[str, None] = {"id": None}
        self._questions: dict[str, None] = {}
        for item in items:
            fields.update(dict.fromkeys(_data(item)))
            self._questions.update((name, None) for chosen, _ in _annotations(item) for name in chosen)
        self._fields = [name for name in fields if name not in (*self._questions, LABELLED_BY)]
        return [*self._fields, *self._questions, LABELLED_BY]

    def row(self, item: Item) -> Item | None:
        annotations = list(_annotations(item))
        labels = {
            name: label_of_each([chosen[name] for chosen, _ in annotations if name in chosen])
            for name in self._questions
        }
        data = _data(item)
        # What a task was imported with may have been labelled elsewhere.
        who = next((who for _, who in annotations if who is not None), data.get(LABELLED_BY))
        return {"id": item.get("id"), **data, **labels, LABELLED_BY: who}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        roles = {"id": "id", LABELLED_BY: LABELLED_BY}
        texts = [name for name in self._fields if name != "id"]
        if text := _text_among(texts):
            roles["text"] = text
        if len(self._questions) == 1:
            roles["label"] = next(iter(self._questions))
        return ExportRoles(roles)


class LabelStudioTable:
    """A row for each annotation; the columns of choices are named as in the project."""

    name = "Label Studio"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        return set(keys) >= _FLAT_MARKS

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(keys)

    def row(self, item: Item) -> Item | None:
        return {**item, "annotator": _name(item.get("annotator"))}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        roles = {LABELLED_BY: "annotator"} | ({"id": "id"} if "id" in columns else {})
        others = [name for name in columns if name not in _OF_ANNOTATION and name not in _KNOWN]
        text = _text_among(others)
        if text:
            roles["text"] = text
        # The fields of the task stand before its id, the choices behind it.
        begin = columns.index("id") + 1 if "id" in columns else 0
        choices = [name for name in columns[begin : columns.index("annotator")] if name in others and name != text]
        if len(choices) != 1:
            choices = [name for name in others if name != text]
        if len(choices) == 1:
            roles["label"] = choices[0]
        return ExportRoles(roles, frozenset(_OF_ANNOTATION))


def _text_among(names: Sequence[str]) -> str | None:
    usual = next((name for name in names if name.strip().lower() in _USUAL_TEXTS), None)
    return usual or (names[0] if len(names) == 1 else None)


def _data(item: Item) -> Item:
    data = item.get("data")
    return data if isinstance(data, dict) else {}


def _name(person: object) -> object:
    """Who annotated: a number, an address, or an object that has both."""
    if not isinstance(person, dict):
        return person
    return next((person[key] for key in ("username", "email", "id") if person.get(key)), None)


def _annotations(item: Item) -> Iterator[tuple[dict[str, list[str]], object]]:
    """The choices of each annotation by question, and who made them; one without choices, or cancelled, is left out."""
    for key in _ANNOTATIONS:
        for annotation in _dicts(item.get(key)):
            if annotation.get("was_cancelled") or annotation.get("cancelled"):
                continue
            chosen: dict[str, list[str]] = {}
            for result in _dicts(annotation.get("result")):
                value = result.get("value")
                choices = value.get("choices") if isinstance(value, dict) else None
                if isinstance(choices, list):
                    chosen.setdefault(str(result.get("from_name")), []).extend(map(str, choices))
            if chosen:
                yield chosen, _name(annotation.get("completed_by"))


def _dicts(value: object) -> list[Item]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
