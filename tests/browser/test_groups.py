"""A group of alike messages is labelled by keys, without two of its rows, and taken back."""

from playwright.sync_api import expect
from sqlalchemy import select

from firstline.store.schema import classes, in_force, labels
from firstline.store.workspace import Workspace
from tests.browser.filling import N_ALIKE
from tests.browser.screens import Desk

_CHOOSE = {"ru": "Выберите класс", "en": "Choose a class"}


def given(place: Workspace) -> dict[int, str]:
    """The class of each message that anton labelled."""
    wanted = select(labels.c.message_id, classes.c.name).join_from(labels, classes)
    with place.database.connect() as connection:
        return dict(connection.execute(wanted.where(labels.c.by == "anton", in_force)).all())


def test_two_rows_are_unticked_by_keyboard(place: Workspace, desk: Desk) -> None:
    page = desk.page
    desk.sign_in("anton")
    desk.open("/clusters")
    rows = page.locator(".members input[name=message]")
    expect(rows).to_have_count(N_ALIKE)
    expect(rows.first).to_be_focused()
    desk.press("Space", "KeyJ", "ArrowDown", "Space")
    expect(page.locator(".members input:checked")).to_have_count(N_ALIKE - 2)
    desk.shoot("unticked")
    desk.expect_readable()
    wanted = [int(one.input_value()) for one in page.locator(".members input:checked").all()]
    desk.press("Enter")
    page.wait_for_url("**/clusters?*")
    assert given(place) == dict.fromkeys(wanted, "Банкомат")
    desk.shoot("labelled")
    desk.expect_readable()
    # The next group has no suggested class, so Enter gives none.
    expect(page.locator("#what")).to_have_text(_CHOOSE[desk.look.language])
    with page.expect_navigation():
        desk.press_in_russian("KeyU")
    assert given(place) == {}
    desk.shoot("undone")
