"""Labelling as a browser does it: what comes next, what is refused, and what another person sees."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from firstline.bundle.registry import promote
from firstline.console.console import Console
from firstline.store.database import writing, writing_rows
from firstline.store.jobs import Job, list_jobs
from firstline.store.labelling import Suggested, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, in_force, jobs, labels, leases, messages, remarks, second_labels
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle
from tests.console import Browser
from tests.unit.store.filling import take_in

N = 14
NewBrowser = Callable[..., Browser]


@pytest.fixture
def filled(console_on_each: Console) -> Workspace:
    """Messages without a label, and two classes."""
    place = console_on_each.place
    take_in(place.database, StoredMessage("ноль", label="Карта"), StoredMessage("нуль", label="Вход"))
    take_in(place.database, *(StoredMessage(f"вопрос {number} <PHONE>", "lead") for number in range(N)))
    return place


@pytest.fixture
def anton(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console_on_each)
    browser.sign_in("anton")
    return browser


def ids_of(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'<template class="card" data-message="(\d+)"', page)]


def class_id(place: Workspace, name: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def labels_by(place: Workspace, who: str) -> int:
    with place.database.connect() as connection:
        return len(connection.execute(select(labels.c.id).where(labels.c.by == who, in_force)).all())


def queue_jobs(place: Workspace) -> list[Job]:
    with place.database.connect() as connection:
        return [one for one in list_jobs(connection) if one.kind == "queue"]


def test_the_page_has_the_next_messages_and_a_label_brings_more(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/label")
    first = ids_of(page.text)
    assert (page.status_code, len(first)) == (200, 10)
    assert '<span class="masked">&lt;PHONE&gt;</span>' in page.text
    assert "drawn at random" in page.text
    told = anton.post("/label/give", {"message": first[0], "class": class_id(filled, "Вход")}).json()
    assert told["today"] == 1
    assert first[0] not in ids_of(told["cards"])
    assert len(ids_of(told["cards"])) == 10
    assert labels_by(filled, "anton") == 1
    # Sent again, since the answer was lost.
    again = anton.post("/label/give", {"message": first[0], "class": class_id(filled, "Вход")}).json()
    assert again["label"] == told["label"]
    assert labels_by(filled, "anton") == 1


def test_before_there_are_suggestions_no_percentages_are_said_to_be_hidden(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/label").text
    assert "There are no suggestions yet" in page
    assert "Percentages are hidden" not in page


def test_none_of_these_is_offered_if_the_team_has_such_a_class(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    assert "data-none" not in anton.get("/label").text
    written = filled.settings_file.read_text("utf-8")
    filled.settings_file.write_text(written.replace("none = []", 'none = ["Вход"]'), "utf-8")
    console_on_each.place = Workspace.find(filled.folder)
    offered = f'<input type="radio" name="class" value="{class_id(filled, "Вход")}" data-none>'
    assert offered in anton.get("/label").text


def test_the_way_to_a_first_model_is_counted_until_there_is_one(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/label").text
    assert '<span id="first"> · <b>2</b> of 50 for a first model</span>' in page
    assert '<span id="enough" hidden>' in page
    given = {"message": ids_of(page)[0], "class": class_id(filled, "Карта")}
    assert anton.post("/label/give", given).json()["first"] == 3
    promote(filled.models, make_bundle(filled.models).id)
    assert "for a first model" not in anton.get("/label").text
    assert anton.post("/label/more").json()["first"] is None


def test_a_label_is_undone(filled: Workspace, anton: Browser) -> None:
    first = ids_of(anton.get("/label").text)[0]
    given = anton.post("/label/give", {"message": first, "class": class_id(filled, "Карта")}).json()["label"]
    told = anton.post("/label/undo", {"label": given}).json()
    assert (told["back"], told["today"]) == (first, 0)
    assert ids_of(told["cards"])[0] == first
    assert labels_by(filled, "anton") == 0
    assert anton.post("/label/undo", {"label": given}).status_code == 409


def test_taking_back_twice_is_answered_as_once(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    first = ids_of(anton.get("/label").text)[0]
    wanted = {"message": first, "class": class_id(filled, "Карта")}
    undo = {"label": anton.post("/label/give", wanted).json()["label"], "message": first}
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    lena.get("/label")
    assert lena.post("/label/undo", undo).status_code == 409
    told = anton.post("/label/undo", undo).json()
    assert anton.post("/label/undo", undo).json() == told
    again = anton.post("/label/give", wanted).json()["label"]
    # The label that holds now is another one.
    assert anton.post("/label/undo", undo).status_code == 409
    assert again != undo["label"]
    assert labels_by(filled, "anton") == 1


def test_nobody_labels_what_somebody_else_sees(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    first = ids_of(anton.get("/label").text)
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    others = ids_of(lena.get("/label").text)
    assert set(first).isdisjoint(others)
    assert len(others) == N - 10
    refused = lena.post("/label/give", {"message": first[0], "class": class_id(filled, "Карта")})
    assert (refused.status_code, refused.json()) == (409, {"error": "lease_lost"})
    assert labels_by(filled, "lena") == 0


def test_skip_unsure_and_a_masked_note(filled: Workspace, anton: Browser) -> None:
    first, second = ids_of(anton.get("/label").text)[:2]
    note = {"message": first, "kind": "note", "text": "перезвонить на +7 916 123-45-67"}
    assert anton.post("/label/remark", note).status_code == 200
    assert first not in ids_of(anton.post("/label/remark", {"message": first, "kind": "skip"}).json()["cards"])
    assert second not in ids_of(anton.post("/label/remark", {"message": second, "kind": "unsure"}).json()["cards"])
    assert anton.post("/label/remark", {"message": second, "kind": "dance"}).status_code == 400
    with filled.database.connect() as connection:
        texts = connection.execute(select(remarks.c.text).where(remarks.c.kind == "note")).scalars().all()
    assert texts == ["перезвонить на <PHONE>"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"message": "x", "class": "1"},
        {"message": "1"},
        {},
        {"message": "9" * 30, "class": "1"},
        {"message": "-1", "class": "1"},
    ],
)
def test_a_form_that_is_wrong_changes_nothing(filled: Workspace, anton: Browser, wrong: dict[str, str]) -> None:
    anton.get("/label")
    assert anton.post("/label/give", wrong).status_code == 400
    assert labels_by(filled, "anton") == 0


def test_without_the_secret_of_the_page_nothing_is_labelled(filled: Workspace, anton: Browser) -> None:
    first = ids_of(anton.get("/label").text)[0]
    fields = {"csrf": "", "message": first, "class": class_id(filled, "Карта")}
    assert anton.client.post("/label/give", data=fields, follow_redirects=False).status_code in (303, 403)
    assert labels_by(filled, "anton") == 0


def test_what_people_write_is_text(filled: Workspace, anton: Browser) -> None:
    evil = "<script>alert(1)</script>"
    take_in(filled.database, StoredMessage(f"{evil} сообщение", label=None), StoredMessage("х", label=f"{evil} класс"))
    with writing(filled.database) as connection:
        place = connection.execute(select(messages.c.id).where(messages.c.text == f"{evil} сообщение")).scalar_one()
        connection.execute(leases.delete())
    with writing_rows(filled.database) as connection:
        guesses = [(class_id(filled, f"{evil} класс"), 0.5), (1, 0.4)]
        write_queue(connection, [Suggested(place, 0, "close_call", guesses)])
    page = anton.get("/label").text
    assert evil not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt; сообщение") == 1
    assert "the model is torn between" in page
    guide = anton.get(f"/classes/{class_id(filled, f'{evil} класс')}/guide").text
    assert evil not in guide
    assert "&lt;script&gt;" in guide


def second_labels_by(place: Workspace, who: str) -> list[tuple[int, str]]:
    with place.database.connect() as connection:
        found = select(second_labels.c.message_id, second_labels.c.reason).where(second_labels.c.who == who)
        return [(message_id, reason) for message_id, reason in connection.execute(found)]


def test_another_person_labels_a_message_again_and_takes_it_back(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    first = ids_of(anton.get("/label").text)[0]
    anton.post("/label/give", {"message": first, "class": class_id(filled, "Карта")})
    with writing_rows(filled.database) as connection:
        connection.execute(leases.delete())
        guesses = [(class_id(filled, "Карта"), 0.9), (class_id(filled, "Вход"), 0.1)]
        write_queue(connection, [Suggested(first, 0, "twice", guesses)])
    assert first not in ids_of(anton.get("/label").text)
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    page = lena.get("/label").text
    card = rf'<template class="card" data-message="{first}" data-card="{first}-second">.*?</template>'
    shown = re.search(card, page, re.DOTALL)
    assert shown is not None
    assert "someone else has labelled it too" in shown[0]
    assert "percent" not in shown[0]
    assert re.findall(r'<span class="name">(.*?)</span>', shown[0]) == ["Вход", "Карта"]
    told = lena.post("/label/give", {"message": first, "class": class_id(filled, "Вход")}).json()
    assert (told["today"], told["label"][:7]) == (1, "second-")
    again = lena.post("/label/give", {"message": first, "class": class_id(filled, "Вход")}).json()
    assert again["label"] == told["label"]
    assert (labels_by(filled, "lena"), second_labels_by(filled, "lena")) == (0, [(first, "twice")])
    assert f'<li data-label="{told["label"]}" data-message="{first}"><div><span>Вход</span>' in lena.get("/label").text
    assert anton.post("/label/undo", {"label": told["label"]}).status_code == 409
    back = lena.post("/label/undo", {"label": told["label"]}).json()
    assert (back["back"], back["card"], back["today"]) == (first, f"{first}-second", 0)
    assert ids_of(back["cards"])[0] == first
    assert second_labels_by(filled, "lena") == []
    assert lena.post("/label/undo", {"label": told["label"]}).status_code == 409
    assert lena.post("/label/undo", {"label": told["label"], "message": first}).json()["card"] == back["card"]
    assert labels_by(filled, "anton") == 1


@pytest.mark.parametrize("label", ["second-", "second-x", "second-second-1", "second--1", "second-" + "9" * 30, ""])
def test_a_label_that_is_none_cannot_be_taken_back(anton: Browser, label: str) -> None:
    anton.get("/label")
    assert anton.post("/label/undo", {"label": label}).status_code == 400


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("suspect", "its label may be wrong"),
        ("recorded", "the service left it to a person"),
        ("typical", "it is typical of many messages"),
    ],
)
def test_a_card_says_why_it_is_there(filled: Workspace, anton: Browser, reason: str, words: str) -> None:
    with writing_rows(filled.database) as connection:
        found = select(messages.c.id).where(messages.c.text == ("ноль" if reason == "suspect" else "вопрос 0 <PHONE>"))
        place = connection.execute(found).scalar_one()
        write_queue(connection, [Suggested(place, 0, reason)])
    page = anton.get("/label").text
    assert ids_of(page)[0] == place
    assert words in page


def test_a_class_that_is_gone_has_an_empty_guide(filled: Workspace, anton: Browser) -> None:
    assert "<h2>" not in anton.get("/classes/999/guide").text
    assert "<h2>" not in anton.get(f"/classes/{'9' * 30}/guide").text


def test_the_queue_is_asked_for_once_and_after_each_batch(
    filled: Workspace, anton: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("firstline.console.queue.BATCH", 2)
    ids = ids_of(anton.get("/label").text)
    anton.get("/label")
    assert len(queue_jobs(filled)) == 1
    with writing_rows(filled.database) as connection:
        connection.execute(jobs.update().values(state="done"))
    place = class_id(filled, "Карта")
    anton.post("/label/remark", {"message": ids[5], "kind": "skip"})
    anton.post("/label/give", {"message": ids[0], "class": place})
    assert len(queue_jobs(filled)) == 1
    anton.post("/label/give", {"message": ids[1], "class": place})
    assert [one.state for one in queue_jobs(filled)] == ["waiting", "done"]


def test_the_last_labels_are_shown_with_their_classes(filled: Workspace, anton: Browser) -> None:
    first = ids_of(anton.get("/label").text)[0]
    given = anton.post("/label/give", {"message": first, "class": class_id(filled, "Карта")}).json()["label"]
    page = anton.get("/label").text
    assert f'<li data-label="{given}" data-message="{first}"><div><span>Карта</span>' in page
    assert '<b id="today">1</b>' in page
