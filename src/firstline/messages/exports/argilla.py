"""Argilla's records: as the library writes them, of version 2 and of both kinds of version 1."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from firstline.messages.exports.base import ExportRoles, Item, label_of_each

_USUAL_TEXTS = ("text", "message", "текст", "сообщение")
_LEFT_OUT = {"discarded", "draft"}


class ArgillaRecords:
    """Fields and the answers of each annotator; suggestions of a model are not read."""

    name = "Argilla"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        is_shaped = {"fields", "responses"} <= set(keys)
        return is_shaped and any(isinstance(item.get("fields"), dict) for item in items)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        fields: dict[str, None] = {"id": None}
        self._questions: dict[str, None] = {}
        for item in items:
            fields.update(dict.fromkeys(_fields(item)))
            self._questions.update((name, None) for name, _ in _answers(item))
        self._fields = [name for name in fields if name not in self._questions]
        return [*self._fields, *self._questions]

    def row(self, item: Item) -> Item | None:
        chosen: dict[str, list[list[str]]] = {}
        for name, labels in _answers(item):
            chosen.setdefault(name, []).append(labels)
        answers = {name: label_of_each(chosen.get(name, [])) for name in self._questions}
        return {"id": item.get("id") or item.get("external_id"), **_fields(item), **answers}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        roles = {"id": "id"}
        texts = [name for name in self._fields if name != "id"]
        text = next((name for name in texts if name.lower() in _USUAL_TEXTS), texts[0] if len(texts) == 1 else None)
        if text:
            roles["text"] = text
        if len(self._questions) == 1:
            roles["label"] = next(iter(self._questions))
        return ExportRoles(roles)


class ArgillaTable:
    """Version 2 as a table: a question `topic` has the columns `topic.responses`, `topic.suggestion`, ..."""

    name = "Argilla"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        return any(f"{name}.responses.users" in keys or f"{name}.suggestion" in keys for name in _questions(keys))

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(dict.fromkeys([*keys, *_questions(keys)]))

    def row(self, item: Item) -> Item | None:
        labels = {}
        for name in _questions(list(item)):
            values, states = item[f"{name}.responses"], item.get(f"{name}.responses.status")
            values = values if isinstance(values, list) else []
            states = states if isinstance(states, list) and len(states) == len(values) else [None] * len(values)
            kept = [_labels(value) for value, state in zip(values, states, strict=True) if state not in _LEFT_OUT]
            labels[name] = label_of_each([one for one in kept if one])
        return {**item, **labels}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        questions = _questions(columns)
        return ExportRoles({"label": questions[0]} if len(questions) == 1 else {})


class ArgillaTextClassification:
    """Version 1: `annotation` holds the label, `prediction` what a model thought, `inputs` the text."""

    name = "Argilla"

    def matches(self, keys: Sequence[str], items: Iterable[Item]) -> bool:
        return "annotation" in keys and not {"prediction", "inputs"}.isdisjoint(keys)

    def columns(self, keys: Sequence[str], items: Iterable[Item]) -> list[str]:
        return list(dict.fromkeys([*keys, "text"]))

    def row(self, item: Item) -> Item | None:
        text = item.get("text")
        inputs = item.get("inputs")
        if not text and isinstance(inputs, dict):
            text = "\n".join(str(value) for value in inputs.values() if value)
        is_discarded = str(item.get("status")).lower() == "discarded"
        return {**item, "text": text or inputs, "annotation": None if is_discarded else item.get("annotation")}

    def roles(self, columns: Sequence[str]) -> ExportRoles:
        roles = {"text": "text", "label": "annotation", "sent_at": "event_timestamp", "id": "id"}
        return ExportRoles({role: name for role, name in roles.items() if name in columns})


def _fields(item: Item) -> Item:
    fields = item.get("fields")
    return fields if isinstance(fields, dict) else {}


def _answers(item: Item) -> Iterator[tuple[str, list[str]]]:
    """The question and the labels of each answer that was handed in."""
    responses = item.get("responses")
    if isinstance(responses, dict):
        for name, answers in responses.items():
            for answer in _dicts(answers):
                if answer.get("status") not in _LEFT_OUT and (labels := _labels(answer.get("value"))):
                    yield name, labels
    for response in _dicts(responses):
        if response.get("status") in _LEFT_OUT:
            continue
        values = response.get("values")
        for name, answer in values.items() if isinstance(values, dict) else ():
            if labels := _labels(answer.get("value") if isinstance(answer, dict) else answer):
                yield name, labels


def _labels(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    return [str(part) for part in parts if isinstance(part, str | int | float) and part != ""]


def _questions(columns: Sequence[str]) -> list[str]:
    ending = ".responses"
    return [name.removesuffix(ending) for name in columns if name.endswith(ending) and name != ending]


def _dicts(value: object) -> list[Item]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []
