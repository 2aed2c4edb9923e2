"""A lead merges a class into another one, and separates them again."""

from playwright.sync_api import expect
from sqlalchemy import select

from firstline.store.schema import classes, in_force, labels
from firstline.store.workspace import Workspace
from tests.browser.screens import Desk

_ONE, _OTHER = "Вход в приложение", "Кредит"


def n_labels(place: Workspace) -> dict[str, int]:
    """How many labels in force the two classes have."""
    wanted = select(classes.c.name).join_from(labels, classes).where(in_force, classes.c.name.in_((_ONE, _OTHER)))
    with place.database.connect() as connection:
        found = connection.execute(wanted).scalars().all()
    return {name: found.count(name) for name in (_ONE, _OTHER)}


def test_a_class_is_merged_and_separated_again(place: Workspace, desk: Desk) -> None:
    page = desk.page
    desk.sign_in("lena")
    desk.open("/classes")
    desk.shoot("classes")
    page.get_by_role("link", name=_ONE, exact=True).click()
    expect(page.locator("h1")).to_have_text(_ONE)
    desk.shoot("class")
    desk.expect_readable()
    before = n_labels(place)
    desk.press("KeyM")
    expect(page.locator("#into")).to_be_focused()
    page.locator("#into").select_option(_OTHER)
    page.locator("#merge button").click()
    expect(page.locator("#confirm-merge")).to_contain_text(_OTHER)
    assert n_labels(place) == before
    desk.shoot("asked")
    desk.expect_readable()
    page.locator("#merge .primary").click()
    expect(page.locator("h1")).to_have_text(_OTHER)
    assert n_labels(place) == {_ONE: 0, _OTHER: sum(before.values())}
    desk.shoot("merged")
    desk.expect_readable()
    page.locator(".merged-list .button").click()
    expect(page.locator("#confirm-separate")).to_contain_text(_ONE)
    desk.shoot("separate")
    desk.expect_readable()
    page.locator(".merged-list .primary").click()
    page.wait_for_url("**/classes/*done=separated")
    assert n_labels(place) == before
    desk.shoot("separated")
