from pathlib import Path
from typing import Any

import pytest

from firstline.errors import UnusableCell
from firstline.messages.cells import read_label
from tests.unit.messages.exports.reading import Read, read_export


def labels(found: Read) -> list[str | None]:
    return [read_label(row[found.roles["label"]]) for row in found.rows]


def texts(found: Read) -> list[str]:
    return [row[found.roles["text"]] for row in found.rows]


@pytest.mark.parametrize(("text", "label"), [("text", "label"), ("data", "label"), ("text", "labels")])
def test_doccano(tmp_path: Path, text: str, label: str) -> None:
    items = [{"id": 4, text: "вклад", label: ["Вклады"]}, {"id": 5, text: "ждём", label: []}]
    found = read_export(tmp_path, items, "a.jsonl")
    assert (texts(found), labels(found)) == (["вклад", "ждём"], ["Вклады", None])
    assert "doccano" in found.described


def test_doccano_keeps_what_the_team_imported_with_its_texts(tmp_path: Path) -> None:
    items = [{"id": 4, "data": "вклад", "canal": "web", "label": ["Вклады"], "Comments": []}]
    found = read_export(tmp_path, items, "a.jsonl")
    assert (texts(found), labels(found), found.rows[0]["canal"]) == (["вклад"], ["Вклады"], "web")


@pytest.mark.parametrize("spans", [[[0, 3, "Имя"]], [{"start_offset": 0, "end_offset": 3, "label": "Имя", "id": 1}]])
def test_doccano_labels_of_parts_are_told(tmp_path: Path, spans: object) -> None:
    with pytest.raises(UnusableCell, match="parts of the text"):
        labels(read_export(tmp_path, [{"id": 4, "text": "вклад", "label": spans}], "a.jsonl"))


def test_doccano_does_not_say_who_changed_a_label(tmp_path: Path) -> None:
    """So a name that came from Firstline counts only for the label that came with it."""
    shared = {"id": 4, "text": "вклад", "labelled_by": "Анна", "exported_label": "Вклады"}
    items = [{**shared, "label": ["Вклады"]}, {**shared, "label": ["Карты"]}, {**shared, "label": []}]
    found = read_export(tmp_path, items, "a.jsonl")
    assert [row["labelled_by"] for row in found.rows] == ["Анна", None, None]


def test_one_odd_label_does_not_hide_that_it_is_doccano(tmp_path: Path) -> None:
    items = [{"id": 4, "data": "вклад", "label": ["Вклады"]}, {"id": 5, "data": "ждём", "label": "Вклады"}]
    found = read_export(tmp_path, items, "a.jsonl")
    assert (texts(found), labels(found)) == (["вклад", "ждём"], ["Вклады", "Вклады"])


def task(number: int, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": number,
        "data": {"text": f"текст {number}", "canal": "web"},
        "annotations": list(annotations),
        "predictions": [{"result": chosen("Мимо")["result"]}],
    }


def chosen(*choices: str, question: str = "topic", **other: object) -> dict[str, Any]:
    value = {"choices": list(choices)}
    return {"result": [{"from_name": question, "to_name": "text", "type": "choices", "value": value}], **other}


def test_label_studio(tmp_path: Path) -> None:
    tasks = [task(1, chosen("Вклады")), task(2), task(3, chosen("Карты", was_cancelled=True))]
    found = read_export(tmp_path, tasks)
    assert (texts(found), labels(found)) == (["текст 1", "текст 2", "текст 3"], ["Вклады", None, None])
    assert found.rows[0]["canal"] == "web"
    assert "Label Studio" in found.described


def test_one_odd_task_spoils_no_other(tmp_path: Path) -> None:
    odd = {"id": 9, "data": None, "annotations": None}
    found = read_export(tmp_path, [odd, task(1, chosen("Вклады"))])
    assert [row.get("text") for row in found.rows] == [None, "текст 1"]
    assert labels(found) == [None, "Вклады"]


def test_annotators_who_agree_give_one_label(tmp_path: Path) -> None:
    assert labels(read_export(tmp_path, [task(1, chosen("Карты"), chosen("Карты"))])) == ["Карты"]


def test_annotators_who_disagree_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableCell, match="annotators disagree"):
        labels(read_export(tmp_path, [task(1, chosen("Карты"), chosen("Вклады"))]))


def test_several_choices_are_told(tmp_path: Path) -> None:
    with pytest.raises(UnusableCell, match="several labels"):
        labels(read_export(tmp_path, [task(1, chosen("Карты", "Вклады"))]))


def test_of_two_questions_neither_is_the_class_by_itself(tmp_path: Path) -> None:
    found = read_export(tmp_path, [task(1, chosen("Карты"), chosen("зло", question="tone"))])
    assert "label" not in found.roles
    assert (found.rows[0]["topic"], found.rows[0]["tone"]) == (["Карты"], ["зло"])


@pytest.mark.parametrize(
    ("person", "who"),
    [
        (7, 7),
        ("anna", "anna"),
        ({"id": 7, "email": "anna@bank.ru", "first_name": "Анна"}, "anna@bank.ru"),
        (None, None),
    ],
)
def test_label_studio_says_who_annotated(tmp_path: Path, person: object, who: object) -> None:
    found = read_export(tmp_path, [task(1, chosen("Вклады", completed_by=person)), task(2)])
    assert [row[found.roles["labelled_by"]] for row in found.rows] == [who, None]
    (flat,) = read_export(tmp_path, [FLAT | {"annotator": person}]).rows
    assert flat["annotator"] == who


def test_a_cancelled_annotation_names_nobody(tmp_path: Path) -> None:
    (row,) = read_export(tmp_path, [task(1, chosen("Карты", completed_by=7, was_cancelled=True))]).rows
    assert row["labelled_by"] is None


FLAT = {"text": "вклад", "id": 1, "topic": "Вклады", "annotator": 1, "annotation_id": 2, "created_at": "2026-01-01",
        "updated_at": "2026-01-01", "lead_time": 1.5}  # fmt: skip


def test_label_studio_in_short(tmp_path: Path) -> None:
    several = FLAT | {"topic": {"choices": ["Вклады"]}}
    found = read_export(tmp_path, [FLAT, several])
    assert (texts(found), labels(found)) == (["вклад", "вклад"], ["Вклады", "Вклады"])
    assert "sent_at" not in found.roles


def test_label_studio_as_csv(tmp_path: Path) -> None:
    lines = [",".join(FLAT), ",".join(map(str, FLAT.values())), 'счёт,2,"{""choices"": [""Карты""]}",1,3,x,x,2']
    found = read_export(tmp_path, "\n".join(lines), "a.csv")
    assert (texts(found), labels(found)) == (["вклад", "счёт"], ["Вклады", "Карты"])


def test_prodigy_with_choices(tmp_path: Path) -> None:
    items = [
        {"text": "вклад", "options": [{"id": "Вклады"}], "accept": ["Вклады"], "answer": "accept", "_task_hash": 1},
        {"text": "счёт", "accept": ["Вклады"], "answer": "reject", "_task_hash": 2},
        {"text": "шум", "accept": [], "answer": "ignore", "_task_hash": 3},
    ]
    found = read_export(tmp_path, items, "a.jsonl")
    assert (texts(found), labels(found)) == (["вклад", "счёт", "шум"], ["Вклады", None, None])
    assert "Prodigy" in found.described


def test_prodigy_with_one_label(tmp_path: Path) -> None:
    items = [{"text": "вклад", "label": "Вклады", "answer": answer} for answer in ("accept", "reject", "ignore")]
    assert labels(read_export(tmp_path, items, "a.jsonl")) == ["Вклады", None, None]


@pytest.mark.parametrize(
    ("session", "who"),
    [
        ({"_annotator_id": "topics-anna", "_session_id": "topics-anna"}, "topics-anna"),
        ({"_session_id": "topics-anna"}, "topics-anna"),
        ({"_annotator_id": "2026-02-06_10-17-19", "_session_id": "2026-02-06_10-17-19"}, None),
        ({}, None),
    ],
)
def test_prodigy_says_who_answered(tmp_path: Path, session: dict[str, object], who: str | None) -> None:
    items = [{"text": "вклад", "label": "Вклады", "answer": "accept", "_input_hash": -5, **session}]
    found = read_export(tmp_path, items, "a.jsonl")
    assert found.rows[0][found.roles["labelled_by"]] == who


@pytest.mark.parametrize("odd", [{}, {"answer": None}, {"answer": ["accept"]}])
@pytest.mark.parametrize("n_odd", [1, 150])
def test_lines_that_nobody_answered_do_not_make_rejected_labels_true(
    tmp_path: Path, odd: dict[str, object], n_odd: int
) -> None:
    rejected = {"text": "счёт", "label": "Вклады", "answer": "reject"}
    items = [{"text": "шум", "label": None, **odd}] * n_odd + [rejected]
    assert labels(read_export(tmp_path, items, "a.jsonl")) == [None] * (n_odd + 1)


def test_a_label_that_nobody_answered_is_told(tmp_path: Path) -> None:
    items = [{"text": "вклад", "label": "Вклады", "answer": "accept"}, {"text": "счёт", "label": "Вклады"}]
    first, second = read_export(tmp_path, items, "a.jsonl").rows
    assert read_label(first["label"]) == "Вклады"
    with pytest.raises(UnusableCell, match="neither accepted nor rejected"):
        read_label(second["label"])


def test_another_file_with_answers_is_not_prodigy(tmp_path: Path) -> None:
    items = [{"text": "вклад", "label": "Вклады", "answer": "Откройте его в приложении"}]
    assert "Prodigy" not in read_export(tmp_path, items, "a.jsonl").described


def answer(value: object, **other: object) -> dict[str, object]:
    return {"user_id": "u", "value": value, **other}


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_argilla(tmp_path: Path, name: str) -> None:
    records = [
        {"id": "r1", "fields": {"text": "вклад"}, "responses": {"topic": [answer("Вклады")]}, "suggestions": {}},
        {"id": "r2", "fields": {"text": "счёт"}, "responses": {}, "suggestions": {"topic": {"value": "Мимо"}}},
        {"id": "r3", "fields": {"text": "шум"}, "responses": {"topic": [answer("Мимо", status="discarded")]}},
    ]
    found = read_export(tmp_path, records, name)
    assert (texts(found), labels(found)) == (["вклад", "счёт", "шум"], ["Вклады", None, None])
    assert found.rows[0]["id"] == "r1"
    assert "Argilla" in found.described


def test_one_odd_argilla_record_spoils_no_other(tmp_path: Path) -> None:
    odd = {"id": "r0", "fields": None, "responses": None}
    good = {"id": "r1", "fields": {"text": "вклад"}, "responses": {"topic": [answer("Вклады")]}}
    found = read_export(tmp_path, [odd, good])
    assert [row.get("text") for row in found.rows] == [None, "вклад"]
    assert labels(found) == [None, "Вклады"]


def test_argilla_annotators_who_disagree_are_told(tmp_path: Path) -> None:
    responses = {"topic": [answer("Вклады"), answer("Карты")]}
    with pytest.raises(UnusableCell, match="annotators disagree"):
        labels(read_export(tmp_path, [{"id": 1, "fields": {"text": "вклад"}, "responses": responses}]))


def test_argilla_feedback_of_version_1(tmp_path: Path) -> None:
    submitted = {"user_id": "u", "values": {"topic": {"value": "Вклады"}}, "status": "submitted"}
    record = {"fields": {"text": "вклад"}, "responses": [submitted], "external_id": "x1"}
    found = read_export(tmp_path, [record])
    assert (texts(found), labels(found), found.rows[0]["id"]) == (["вклад"], ["Вклады"], "x1")


@pytest.mark.parametrize("annotation", ["Вклады", ["Вклады"]])
def test_argilla_of_version_1(tmp_path: Path, annotation: object) -> None:
    shared = {"prediction": [["Мимо", 0.9]], "inputs": {"text": "вклад"}}
    records = [
        {"text": "вклад", "annotation": annotation, "status": "Validated", **shared},
        {"text": None, "annotation": None, "status": "Default", **shared},
        {"text": "вклад", "annotation": annotation, "status": "Discarded", **shared},
    ]
    found = read_export(tmp_path, records)
    assert (texts(found), labels(found)) == (3 * ["вклад"], ["Вклады", None, None])


def test_argilla_as_a_table(tmp_path: Path) -> None:
    record = {
        "id": "r1",
        "text": "вклад",
        "topic.responses": ["Вклады", "Мимо"],
        "topic.responses.users": ["u", "v"],
        "topic.responses.status": ["submitted", "draft"],
        "topic.suggestion": "Мимо",
    }
    assert labels(read_export(tmp_path, [record])) == ["Вклады"]
