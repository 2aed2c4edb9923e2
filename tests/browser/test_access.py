"""axe finds nothing serious on any page, nothing is wider than the window, and no page asks for anything else.

Pages with an entry in the menu are covered by themselves. Add to `MORE` what else there is to see.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from firstline.console.app import PAGES
from firstline.store.workspace import Workspace
from tests.browser.filling import with_models
from tests.browser.screens import Desk, Look, screen

MENU = [one.path for one in PAGES if one.method == "GET" and one.menu]
MORE = [
    "/account",
    "/sign-in",
    "/nothing",
    "/agreement/settle",
    "/classes/new",
    "/classes/1",
    "/classes/1?into=2",
    "/messages",
    "/messages/1",
]
"""Pages without an entry in the menu, and one that does not exist."""
STATES = {
    "help": ("/label", ["Shift+Slash"]),
    "chosen": ("/label", ["Digit2"]),
    "search": ("/label", ["Slash", "Digit1"]),
    "note": ("/label", ["KeyN"]),
}
"""What keys show on a page."""
READERS = [
    Look("desktop", "ru"),
    Look("desktop", "en", "dark"),
    Look("phone", "en"),
    Look("phone", "ru", "dark"),
]


@pytest.fixture(scope="module", params=READERS, ids=str)
def reader(chromium: Browser, address_to_read: str, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """An admin in front of a console that others use, too."""
    look: Look = request.param
    with screen(chromium, address_to_read, look) as context:
        desk = Desk(context.new_page(), look, "page")
        desk.sign_in("ada")
        yield desk


@pytest.mark.parametrize("path", [*MENU, *MORE])
def test_a_page_can_be_read_by_everyone(reader: Desk, path: str) -> None:
    reader.broken.clear()
    elsewhere: list[str] = []
    home = re.match(r"https?://[^/]+", reader.page.url)
    assert home is not None
    reader.page.on("request", lambda asked: elsewhere.append(asked.url) if home[0] not in asked.url else None)
    if path == "/sign-in":
        reader.page.context.clear_cookies()
    answer = reader.page.goto(path)
    assert answer is not None
    assert answer.status == (404 if path == "/nothing" else 200)
    reader.shoot(re.sub(r"\W+", "-", path.strip("/")) or "start")
    assert reader.violations() == []
    assert elsewhere == []
    assert [said for said in reader.broken if "404" not in said] == []
    reader.expect_no_sideways_scrolling()
    expect(reader.page.locator("h1")).to_have_count(1)
    if path == "/sign-in":
        reader.sign_in("ada")


@pytest.mark.parametrize("state", STATES)
def test_what_keys_show_can_be_read_by_everyone(reader: Desk, state: str) -> None:
    path, keys = STATES[state]
    reader.open(path)
    reader.press(*keys)
    reader.page.wait_for_load_state("networkidle")
    reader.shoot(state)
    assert reader.violations() == []
    reader.expect_no_sideways_scrolling()


def test_with_models_there_is_more_to_read(place: Workspace, desk: Desk) -> None:
    with_models(place)
    desk.sign_in("ada")
    for path in ("/", "/models", "/quality", "/classes"):
        desk.open(path)
        desk.shoot(path.strip("/") or "start")
        desk.expect_readable()


def test_every_entry_of_the_menu_is_in_sight(reader: Desk) -> None:
    reader.open("/")
    size = reader.page.viewport_size
    assert size is not None
    for entry in reader.page.locator(".masthead nav a").all():
        box = entry.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size["width"], entry.inner_text()
