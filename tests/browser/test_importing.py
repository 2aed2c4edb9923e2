"""A lead uploads a file, looks at it, and imports it."""

from playwright.sync_api import expect
from sqlalchemy import select

from firstline.store.schema import messages
from firstline.store.workspace import Workspace
from tests.browser.screens import Desk

_FILE = "Текст;Тема\nПозвоните на +7 916 123-45-67;Банкомат\nКогда придёт карта?;\n" + "очень" * 60 + ";\n"


def stored(place: Workspace) -> list[str]:
    with place.database.connect() as connection:
        return list(connection.execute(select(messages.c.text)).scalars())


def test_a_file_is_looked_at_and_imported(place: Workspace, desk: Desk) -> None:
    page = desk.page
    before = len(stored(place))
    desk.sign_in("lena")
    desk.open("/import")
    desk.shoot("empty")
    page.locator("#file").set_input_files(
        {"name": "выгрузка из CRM.csv", "mimeType": "text/csv", "buffer": _FILE.encode()}
    )
    page.locator("form[action='/import'] .primary").click()
    page.wait_for_url("**/import/check")
    expect(page.locator(".sample")).to_contain_text("<PHONE>")
    assert "916" not in page.content()
    desk.shoot("looked")
    desk.expect_readable()
    assert len(stored(place)) == before
    page.locator("[formaction='/import/run']").click()
    expect(page.locator(".tallies")).to_contain_text("3")
    desk.shoot("imported")
    desk.expect_readable()
    assert len(stored(place)) == before + 3
    assert "Позвоните на <PHONE>" in stored(place)
