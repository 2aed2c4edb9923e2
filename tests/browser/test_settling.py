"""A lead settles what two people disagree about, and takes it back."""

from playwright.sync_api import expect
from sqlalchemy import select

from firstline.store.schema import classes, in_force, labels, messages
from firstline.store.workspace import Workspace
from tests.browser.filling import DISPUTED, NONE
from tests.browser.screens import Desk

_FIRST, _SECOND = DISPUTED[1]


def held(place: Workspace) -> list[str]:
    """The classes that the disputed message has now."""
    wanted = select(classes.c.name).join_from(labels, classes).join(messages, messages.c.id == labels.c.message_id)
    with place.database.connect() as connection:
        return sorted(connection.execute(wanted.where(messages.c.text == DISPUTED[0], in_force)).scalars())


def test_a_disagreement_is_settled_by_a_key_and_taken_back(place: Workspace, desk: Desk) -> None:
    page = desk.page
    desk.sign_in("lena")
    desk.open("/agreement")
    desk.shoot("agreement")
    desk.open("/agreement/settle")
    expect(page.locator(".wording")).to_have_text(DISPUTED[0])
    expect(page.locator(".side")).to_have_count(2)
    desk.shoot("case")
    desk.expect_no_sideways_scrolling()
    chosen = page.locator(".side", has=page.locator("[data-key=Digit2]")).locator("h3").inner_text()
    desk.press("Digit2")
    page.wait_for_url("**/agreement/settle?*done=settled")
    assert held(place) == [chosen]
    desk.shoot("settled")
    desk.press_in_russian("KeyU")
    page.wait_for_url("**/agreement/settle?*done=undone*")
    assert held(place) == sorted([_FIRST, _SECOND])


def test_a_lead_decides_that_it_is_none_of_these(place: Workspace, desk: Desk) -> None:
    desk.sign_in("lena")
    desk.open("/agreement/settle")
    desk.press("Digit0")
    desk.page.wait_for_url("**/agreement/settle?*done=settled")
    assert held(place) == [NONE]


def test_an_annotator_settles_nothing(desk: Desk) -> None:
    desk.sign_in("anton")
    answer = desk.page.goto("/agreement/settle")
    assert answer is not None
    assert answer.status == 403
    desk.broken.clear()
