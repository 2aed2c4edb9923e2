"""A real console on a workspace of its own, and Debian's Chromium in front of it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from firstline.store.workspace import Workspace
from tests.browser.filling import filled_workspace
from tests.browser.screens import LOOKS, Desk, Look, chromium_options, screen
from tests.service import served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright, playwright.chromium.launch(**chromium_options()) as browser:
        yield browser


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The filled workspace. Do not change it."""
    place = filled_workspace(tmp_path_factory.mktemp("template") / "bank")
    place.database.dispose()
    return place.folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A filled workspace of one's own."""
    made = Workspace.find(Path(shutil.copytree(template, tmp_path / "bank")))
    yield made
    made.database.dispose()


@pytest.fixture
def address(place: Workspace, tmp_path: Path) -> Iterator[str]:
    """Where the console of `place` answers."""
    with served(place.folder, tmp_path / "log", command="console") as running:
        yield running.address


@pytest.fixture(scope="session")
def address_to_read(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The console of a workspace that tests share. They may open its pages, and change nothing that others see."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(template, folder / "bank")
    with served(folder / "bank", folder / "log", command="console") as running:
        yield running.address


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest.fixture
def desk(chromium: Browser, address: str, look: Look, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """Somebody who has not signed in, in front of the console. Fails if a script failed or the policy was broken."""
    with screen(chromium, address, look) as context:
        made = Desk(context.new_page(), look, re.sub(r"\[.*|^test_", "", request.node.name))
        yield made
        assert made.broken == []
