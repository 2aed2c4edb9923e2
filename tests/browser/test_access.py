"""axe finds nothing serious on any page, nothing is wider than the window, and no page asks for anything else.

Pages with an entry in the menu are covered by themselves. Add to `MORE` what else there is to see.
"""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from firstline.console.app import PAGES
from tests.browser.screens import Desk, Look, screen

MENU = [one.path for one in PAGES if one.method == "GET" and one.menu]
MORE = ["/account", "/sign-in", "/nothing"]
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


def violations(desk: Desk) -> list[str]:
    """What axe calls serious or critical: rule, impact, and where."""
    found = Axe().run(desk.page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


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
    reader.shoot(path.strip("/").replace("/", "-") or "start")
    assert violations(reader) == []
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
    assert violations(reader) == []
    reader.expect_no_sideways_scrolling()
