"""Finding a message and forgetting it for good."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from firstline.console.console import Console
from firstline.store.messages import StoredMessage
from firstline.store.schema import labels, message_ids, messages, tombstones
from firstline.store.workspace import Workspace
from tests.console import Browser
from tests.unit.store.filling import take_in

NewBrowser = Callable[..., Browser]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def filled(console_on_each: Console) -> Workspace:
    place = console_on_each.place
    take_in(
        place.database,
        StoredMessage(f"{EVIL} где карта <PHONE>", "lead", "a-1", label="Карта"),
        StoredMessage("где вход", None, "a-2", label="Вход"),
        StoredMessage("где вход", None, "a-3"),
        StoredMessage("без номера"),
    )
    return place


@pytest.fixture
def lena(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console_on_each)
    browser.sign_in("lena")
    return browser


def id_of(place: Workspace, text: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(messages.c.id).where(messages.c.text.contains(text))).scalar_one())


def key_on(page: str) -> str:
    found = re.search(r'name="key" value="([0-9a-f]{32})"', page)
    assert found is not None
    return found[1]


def count(place: Workspace) -> tuple[int, ...]:
    with place.database.connect() as connection:
        tables = (messages, message_ids, labels, tombstones)
        return tuple(len(connection.execute(select(table)).all()) for table in tables)


def test_a_message_is_found_by_id_and_by_number(lena: Browser, filled: Workspace) -> None:
    lena.get("/messages")
    wanted = f"/messages/{id_of(filled, 'где карта')}"
    assert lena.post("/messages", {"id": " a-1 "}).headers["location"] == wanted
    assert lena.post("/messages", {"id": f"№{id_of(filled, 'где карта')}"}).headers["location"] == wanted
    for unknown in ("a-9", "999", "9" * 30, "²", ""):
        assert lena.post("/messages", {"id": unknown}).status_code == 200
    page = lena.get(wanted).text
    assert EVIL not in page
    assert "<dt>Labels</dt>" in page
    assert '<span class="masked">&lt;PHONE&gt;</span>' in page
    assert "a-1" in page


def test_an_id_that_holds_personal_data_is_found_by_its_hash(lena: Browser, filled: Workspace) -> None:
    from firstline.store.key import open_key

    with filled.database.begin() as connection:
        hashed = open_key(filled.folder, connection).hash_id("+7 916 123-45-67")
    take_in(filled.database, StoredMessage("с телефоном", None, hashed))
    lena.get("/messages")
    found = lena.post("/messages", {"id": "+7 916 123-45-67"})
    assert found.headers["location"] == f"/messages/{id_of(filled, 'с телефоном')}"


def test_a_message_is_forgotten_once_with_all_that_hangs_on_it(lena: Browser, filled: Workspace) -> None:
    place = id_of(filled, "где вход")
    page = lena.get(f"/messages/{place}").text
    assert "its 2 ids in other systems" in page
    before = count(filled)
    form = {"key": key_on(page)}
    done = lena.post(f"/messages/{place}/forget", form)
    assert (done.status_code, done.headers["location"].startswith("/messages?done=")) == (303, True)
    after = count(filled)
    assert [was - now for was, now in zip(before[:3], after[:3], strict=True)] == [1, 2, 1]
    assert after[3] > before[3]
    assert "is forgotten" in lena.get(done.headers["location"]).text
    assert lena.post(f"/messages/{place}/forget", form).status_code == 404
    assert count(filled) == after


def test_another_message_with_the_same_number_is_not_forgotten(lena: Browser, filled: Workspace) -> None:
    """SQLite gives the number of the last message, if it is deleted, to the next one."""
    last = id_of(filled, "без номера")
    form = {"key": key_on(lena.get(f"/messages/{last}").text)}
    lena.post(f"/messages/{last}/forget", form)
    with filled.database.begin() as connection:
        connection.execute(messages.insert().values(id=last, key=b"k" * 16, text="другое"))
    before = count(filled)
    lena.get("/messages")
    refused = lena.post(f"/messages/{last}/forget", form)
    assert refused.status_code == 409
    assert count(filled) == before


def test_the_same_export_brings_nothing_back(lena: Browser, filled: Workspace) -> None:
    from firstline.store.forgetting import Tombstones
    from firstline.store.key import open_key

    place = id_of(filled, "где карта")
    lena.post(f"/messages/{place}/forget", {"key": key_on(lena.get(f"/messages/{place}").text)})
    with filled.database.connect() as connection:
        known = Tombstones.read(connection, open_key(filled.folder, connection).secret)
    row = StoredMessage(f"{EVIL} где карта <PHONE>", "lead", "a-1", label="Карта")
    assert take_in(filled.database, row, tombstones=known).n_forgotten == 1


def test_recorded_answers_and_reports_go_too(lena: Browser, filled: Workspace) -> None:
    place = id_of(filled, "где вход")
    page = lena.get(f"/messages/{place}").text
    filled.reports.mkdir()
    report = filled.reports / "m.html"
    report.write_text(f'<li data-key="{key_on(page)}">', "utf-8")
    filled.records.mkdir()
    record = filled.records / "2026-11-30.jsonl"
    record.write_text('{"at": "2026-11-30T09:15:00.250Z", "text": "где вход"}\n', "utf-8")
    lena.post(f"/messages/{place}/forget", {"key": key_on(page)})
    assert not report.exists()
    assert "где вход" not in (record.read_text("utf-8") if record.exists() else "")


def test_annotators_cannot(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> None:
    anton = browsers(console_on_each)
    anton.sign_in("anton")
    place = id_of(filled, "где вход")
    before = count(filled)
    assert anton.get("/messages").status_code == anton.get(f"/messages/{place}").status_code == 403
    assert anton.post(f"/messages/{place}/forget", {"key": "0" * 32}).status_code == 403
    assert count(filled) == before


@pytest.mark.parametrize("number", ["0", "999", "9" * 30, "-1", "x"])
def test_a_message_that_is_not_there(lena: Browser, filled: Workspace, number: str) -> None:
    assert lena.get(f"/messages/{number}").status_code == 404
    lena.get("/messages")
    assert lena.post(f"/messages/{number}/forget", {"key": ""}).status_code == 404


def test_while_an_import_runs_nothing_is_forgotten(lena: Browser, filled: Workspace) -> None:
    place = id_of(filled, "где вход")
    form = {"key": key_on(lena.get(f"/messages/{place}").text)}
    with filled.hold("messages", "import"):
        assert lena.post(f"/messages/{place}/forget", form).status_code == 503
    assert lena.get(f"/messages/{place}").status_code == 200
