"""The labelling page, by keyboard and by touch."""

import re

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select

from firstline.store.schema import classes, in_force, labels, messages, remarks
from firstline.store.workspace import Workspace
from tests.browser.filling import CLASSES, NONE
from tests.browser.screens import Desk, Labelling


def given(place: Workspace, who: str = "anton") -> dict[str, str]:
    """The class of each message that a person labelled, by text."""
    wanted = select(messages.c.text, classes.c.name).join_from(messages, labels).join(classes)
    with place.database.connect() as connection:
        return dict(connection.execute(wanted.where(labels.c.by == who, in_force)).all())


def remarked(place: Workspace) -> list[tuple[str, str | None]]:
    with place.database.connect() as connection:
        found = connection.execute(select(remarks.c.kind, remarks.c.text).order_by(remarks.c.id))
        return [(kind, text) for kind, text in found]


@pytest.fixture
def page(desk: Desk) -> Labelling:
    desk.sign_in("anton")
    return Labelling(desk)


def test_twenty_messages_are_labelled_by_keyboard(place: Workspace, desk: Desk, page: Labelling) -> None:
    desk.shoot("first")
    keys = [
        ("Digit1", "Digit1"),
        ("Digit2", "Enter"),
        ("ArrowDown", "Enter"),
        ("Digit0", "Enter"),
        ("Numpad3", "Numpad3"),
    ]
    expected: dict[str, str] = {}
    for number in range(20):
        pressed = keys[number % len(keys)]
        desk.press(pressed[0])
        wanted = page.page.locator("#options li:has(input:checked) .name").inner_text()
        expected[page.label(pressed[1])] = NONE if pressed[0] == "Digit0" else wanted
    page.expect_all_sent(5)
    assert page.today == 20
    assert len(expected) == 20
    assert given(place) == expected
    desk.shoot("twenty")


def test_keys_go_by_place_on_a_russian_layout(place: Workspace, desk: Desk, page: Labelling) -> None:
    before = page.text
    desk.press_in_russian("KeyS")
    page.expect_another(before)
    before = page.text
    desk.press_in_russian("KeyD")
    page.expect_another(before)
    labelled = page.label("Digit1", "Digit1")
    page.expect_all_sent(1)
    assert list(given(place)) == [labelled]
    desk.press_in_russian("KeyU")
    expect(page.page.locator("#text")).to_have_text(labelled)
    desk.press_in_russian("Slash")
    expect(page.page.locator("#find")).to_be_focused()
    assert page.page.locator("#find").input_value() == ""
    assert given(place) == {}
    assert [kind for kind, _ in remarked(place)] == ["skip", "unsure"]


def test_the_last_label_is_undone_and_given_otherwise(place: Workspace, desk: Desk, page: Labelling) -> None:
    first = page.label("Digit1", "Digit1")
    second = page.label("Digit1", "Digit1")
    page.expect_all_sent(2)
    wrong = given(place)[second]
    desk.press("KeyU")
    expect(page.page.locator("#text")).to_have_text(second)
    expect(page.page.locator("#recent li")).to_have_count(1)
    assert page.today == 1
    desk.shoot("undone")
    page.label("Digit2", "Digit2")
    page.expect_all_sent(2)
    assert set(given(place)) == {first, second}
    assert given(place)[second] != wrong


def test_an_undo_whose_answer_is_lost_is_sent_again(place: Workspace, desk: Desk, page: Labelling) -> None:
    labelled = page.label("Digit1", "Digit1")
    page.expect_all_sent(1)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.page.route("**/label/undo", lose, times=1)
    desk.press("KeyU")
    expect(page.page.locator("#text")).to_have_text(labelled)
    expect(page.page.locator("#recent li")).to_have_count(0)
    expect(page.page.get_by_role("alert")).to_have_count(0)
    assert page.today == 0
    assert given(place) == {}
    assert set(desk.broken) <= {"Failed to load resource: net::ERR_FAILED"}
    desk.broken.clear()


def test_a_class_is_found_by_its_name(place: Workspace, desk: Desk, page: Labelling) -> None:
    desk.press("Slash")
    page.page.keyboard.type("услуга 17")
    expect(page.page.locator("#found")).to_contain_text("1")
    expect(page.page.locator("#options .name").first).to_have_text("Услуга 17")
    desk.shoot("found")
    labelled = page.label("Enter")
    page.expect_all_sent(1)
    assert given(place) == {labelled: "Услуга 17"}
    expect(page.page.locator("#find")).to_have_value("")


def test_the_description_of_the_chosen_class_is_shown(desk: Desk, page: Labelling) -> None:
    desk.press("Digit1")
    name = page.page.locator("#options li:has(input:checked) .name").inner_text()
    expect(page.page.locator("#guide h2")).to_have_text(name)
    expect(page.page.locator("#guide")).to_contain_text(CLASSES[name])
    desk.shoot("guide")


def test_skip_unsure_and_a_note(place: Workspace, desk: Desk, page: Labelling) -> None:
    desk.press("KeyN")
    expect(page.page.locator("#note-text")).to_be_focused()
    # Digits and letters are text here.
    page.page.keyboard.type("1s2u спросить Лену, +7 916 123-45-67")
    desk.shoot("note")
    page.page.locator("[data-act=note]").click()
    expect(page.page.locator("#note")).to_be_hidden()
    noted = page.text
    page.label("KeyS")
    page.label("KeyD")
    page.label("Digit1", "Digit1")
    page.expect_all_sent(1)
    assert remarked(place) == [("note", "1s2u спросить Лену, <PHONE>"), ("skip", None), ("unsure", None)]
    assert noted not in given(place)


def test_without_a_connection_labels_wait_and_go_out_later(place: Workspace, desk: Desk, page: Labelling) -> None:
    context = page.page.context
    context.set_offline(True)
    first = page.label("Digit1", "Digit1")
    expect(page.page.get_by_role("alert")).to_be_visible()
    desk.shoot("offline")
    second = page.label("Digit2", "Digit2")
    assert given(place) == {}
    context.set_offline(False)
    page.expect_all_sent(2)
    expect(page.page.get_by_role("alert")).to_have_count(0)
    assert set(given(place)) == {first, second}
    assert set(desk.broken) <= {"Failed to fetch", "Failed to load resource: net::ERR_INTERNET_DISCONNECTED"}
    desk.broken.clear()


def test_help_names_every_key_and_closes(desk: Desk, page: Labelling) -> None:
    help_ = page.page.locator("#help")
    page.page.keyboard.press("Shift+Slash")
    expect(help_).to_be_visible()
    shown = set(help_.locator("kbd").all_inner_texts())
    assert {"1", "9", "0", "Enter", "/", "s", "d", "n", "u", "?", "Esc"} <= shown
    desk.shoot("help")
    desk.press("Escape")
    expect(help_).to_be_hidden()


def test_single_keys_can_be_switched_off(place: Workspace, desk: Desk, page: Labelling) -> None:
    page.page.locator("#ask").click()
    page.page.locator("#single-keys").uncheck()
    desk.press("Escape")
    before = page.text
    desk.press("KeyS", "Digit1", "Digit1", "KeyD")
    assert page.text == before
    assert (given(place), remarked(place)) == ({}, [])


def test_one_message_is_labelled_by_pointing(place: Workspace, desk: Desk, page: Labelling) -> None:
    before = page.text
    choice = page.page.locator("#options .choice").nth(1)
    name = choice.locator(".name").inner_text()
    save = page.page.locator("#save")
    if desk.look.is_phone:
        choice.tap()
        save.tap()
    else:
        choice.click()
        save.click()
    page.expect_another(before)
    page.expect_all_sent(1)
    assert given(place) == {before: name}


def test_two_people_never_see_the_same_message(place: Workspace, desk: Desk, page: Labelling) -> None:
    ids = r'data-message="(\d+)"'
    mine = set(re.findall(ids, page.page.content()))
    other = page.page.context.browser
    assert other is not None
    context = other.new_context(base_url=page.page.url.partition("/label")[0])
    theirs = Desk(context.new_page(), desk.look, "other")
    theirs.sign_in("lena")
    seen = set(re.findall(ids, Labelling(theirs).page.content()))
    context.close()
    assert len(mine) == len(seen) == 10
    assert mine.isdisjoint(seen)
