"""How the browser tests look at the console: windows, languages, and a person in front of one."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.console import PASSWORD

SHOTS = Path("build/browser")
"""Where the pictures go; git ignores it."""
_LOCALES = {"ru": "ru-RU", "en": "en-GB"}
_RUSSIAN = {"KeyS": "ы", "KeyD": "в", "KeyN": "т", "KeyU": "г", "Slash": "."}
"""What keys type on a Russian layout. Digits and Enter type the same on both."""


@dataclass(frozen=True)
class Look:
    """A window and its reader's language. `colours` are those that the reader's system prefers."""

    window: Literal["desktop", "phone"]
    language: Literal["ru", "en"]
    colours: Literal["light", "dark"] = "light"

    def __str__(self) -> str:
        return f"{self.window}-{self.language}" + ("-dark" if self.colours == "dark" else "")

    @property
    def is_phone(self) -> bool:
        return self.window == "phone"


LOOKS = [Look(window, language) for window in ("desktop", "phone") for language in ("ru", "en")]
"""Each scenario runs in all of them."""


@contextmanager
def screen(browser: Browser, address: str, look: Look) -> Iterator[BrowserContext]:
    """A browser without cookies that shows the console at `address`."""
    phone = look.is_phone
    context = browser.new_context(
        base_url=address,
        viewport={"width": 390, "height": 844} if phone else {"width": 1280, "height": 800},
        is_mobile=phone,
        has_touch=phone,
        locale=_LOCALES[look.language],
        color_scheme=look.colours,
    )
    context.set_default_timeout(10_000)
    try:
        yield context
    finally:
        context.close()


class ChromiumOptions(TypedDict):
    executable_path: str
    args: list[str]


def chromium_options() -> ChromiumOptions:
    """How Playwright starts Debian's Chromium. Raises `FileNotFoundError` if it is not installed."""
    found = shutil.which("chromium")
    if found is None:
        raise FileNotFoundError("Chromium is not installed: apt-get install chromium")
    # Chromium refuses its sandbox to root.
    return {"executable_path": found, "args": ["--no-sandbox"] if os.geteuid() == 0 else []}


class Desk:
    """A person in front of a page. `name` is that of the test, for the pictures."""

    def __init__(self, page: Page, look: Look, name: str) -> None:
        self.page = page
        self.look = look
        self._name = name
        self.broken: list[str] = []
        """What the browser complained about: errors of scripts, and what the policy forbids."""
        page.on("pageerror", lambda error: self.broken.append(str(error)))
        page.on("console", lambda said: self.broken.append(said.text) if said.type == "error" else None)

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Fill in the form of the sign-in."""
        self.page.goto("/sign-in")
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.press("#password", "Enter")
        self.page.wait_for_load_state()

    def open(self, address: str) -> None:
        """Open a page of the console, which must answer with it."""
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == 200, (address, answer.status)

    def press(self, *codes: str) -> None:
        """Press keys by their place, such as `KeyS`."""
        for code in codes:
            self.page.keyboard.press(code)

    def press_in_russian(self, code: str) -> None:
        """Press a key of a Russian layout: the same place, another letter."""
        keyboard = self.page.context.new_cdp_session(self.page)
        letter = {"key": _RUSSIAN[code], "code": code}
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", "text": _RUSSIAN[code], **letter})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **letter})
        keyboard.detach()

    def shoot(self, title: str) -> None:
        """A picture of the page, to be looked at."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        file = f"{self._name}-{title}-{self.look}.png"
        self.page.screenshot(path=SHOTS / file, full_page=True)

    def expect_readable(self) -> None:
        """Neither in light nor in dark does axe call anything serious or critical, and nothing is too wide."""
        for colours in ("light", "dark"):
            self.page.emulate_media(color_scheme=colours)
            found = self.violations()
            assert not found, f"{colours}: {found}"
        self.page.emulate_media(color_scheme=self.look.colours)
        self.expect_no_sideways_scrolling()

    def violations(self) -> list[str]:
        """What axe calls serious or critical: rule, impact, and where."""
        return [
            f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']]}"
            for one in Axe().run(self.page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    def expect_no_sideways_scrolling(self) -> None:
        """Nothing may be wider than the window."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{wide} px wider than the window"


class Labelling:
    """The labelling page, opened on a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.page = desk.page
        desk.open("/label")
        expect(self.page.locator("#work")).to_be_visible()

    @property
    def text(self) -> str:
        """The text of the message that is shown."""
        return self.page.locator("#text").inner_text()

    @property
    def today(self) -> int:
        """How many labels the page counts today."""
        return int(re.sub(r"\D", "", self.page.locator("#today").inner_text()))

    def expect_another(self, than: str) -> None:
        """Wait until another message is shown."""
        expect(self.page.locator("#text")).not_to_have_text(than)

    def expect_all_sent(self, least: int) -> None:
        """Wait until at least so many of the last five labels are acknowledged, and none waits."""
        expect(self.page.locator("#recent li[data-label]")).to_have_count(least)
        expect(self.page.locator("#recent li:not([data-label])")).to_have_count(0)

    def label(self, *codes: str) -> str:
        """Label the message with keys; returns its text once another one is shown."""
        before = self.text
        self._desk.press(*codes)
        self.expect_another(before)
        return before
