"""The labels as a file: for leads and admins, whole, harmless in a spreadsheet."""

import pytest
from sqlalchemy import select

from firstline.console.console import Console
from firstline.errors import StoreUnusable
from firstline.messages.exports.written import columns_of
from firstline.store import exported
from firstline.store.exported import read_exported
from firstline.store.messages import StoredMessage
from firstline.store.schema import labels
from firstline.store.workspace import Workspace
from tests.console import Browser, left_in
from tests.unit.console.conftest import NewBrowser
from tests.unit.store.filling import take_in

ADDRESS = "/import/labels.csv"
HEADER = ",".join(f'"{name}"' for name in columns_of("csv", is_sheet=False))


def test_a_lead_gets_all_labelled_messages(browsers: NewBrowser, console_on_each: Console) -> None:
    place = console_on_each.place
    rows = [
        StoredMessage(f"вопрос {number} <PHONE>", "lead", label="=Карта", labelled_by="Анна") for number in range(7)
    ]
    take_in(place.database, *rows, StoredMessage("без метки"))
    browser = browsers(console_on_each)
    browser.sign_in("lena")
    assert f'href="{ADDRESS}"' in browser.get("/import").text
    answer = browser.get(ADDRESS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="labels-20')
    assert answer.headers["cache-control"] == "no-store"
    first, *lines = answer.content.decode("utf-8-sig").splitlines()
    assert first == HEADER
    assert [line.split(",")[:5] for line in lines] == [
        [f'"{row.text}"', '"lead"', '""', '"\'=Карта"', '"Анна"'] for row in rows
    ]
    assert left_in(place.temporary) == []


@pytest.mark.parametrize(("name", "status"), [("anton", 403), ("lena", 200), ("ada", 200)])
def test_only_leads_and_admins_may(browser: Browser, console: Console, name: str, status: int) -> None:
    take_in(console.place.database, StoredMessage("тайна", label="Карта"))
    browser.sign_in(name)
    answer = browser.get(ADDRESS)
    assert answer.status_code == status
    assert ("тайна" in answer.text) == (status == 200)


def test_who_has_not_signed_in_is_sent_to_the_sign_in(browser: Browser) -> None:
    answer = browser.get(ADDRESS)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


def test_a_database_that_fails_is_told_on_a_page(
    browser: Browser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(console.place.database, StoredMessage("тайна", label="Карта"))
    browser.sign_in("lena")

    def fail(*_: object) -> None:
        raise StoreUnusable("The database is gone.", "")

    monkeypatch.setattr(exported, "_named", fail)
    answer = browser.get(ADDRESS)
    assert answer.status_code in (500, 503)
    assert "<html" in answer.text


def test_batches_make_one_table(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "_AT_ONCE", 2)
    take_in(place.database, *(StoredMessage(f"раз {number}", label="Карта") for number in range(5)))
    take_in(place.database, *(StoredMessage(f"два {number}") for number in range(5)))
    take_in(place.database, StoredMessage("раз 1", label="Вход"))
    assert [one.text for one in read_exported(place.database)] == [
        *("раз 0", "раз 1", "раз 1", "раз 2", "раз 3", "раз 4"),
        *(f"два {number}" for number in range(5)),
    ]
    assert {one.label for one in read_exported(place.database, is_labelled=True)} == {"Карта", "Вход"}
    with place.database.begin() as connection:
        assert len(connection.execute(select(labels)).all()) == 6
        connection.execute(labels.update().values(superseded_at=labels.c.at))
    assert list(read_exported(place.database, is_labelled=True)) == []
