"""A console in process, on a new workspace with a user of each role."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient

from firstline.console import passwords
from firstline.console.app import PAGES, create_app
from firstline.console.console import Console
from firstline.console.page import Page
from firstline.store.workspace import Workspace
from tests.console import Browser, with_user
from tests.postgres import NewDatabase, workspace_on

NewBrowser = Callable[..., Browser]


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Argon2 with the least of everything."""
    monkeypatch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()
    yield
    passwords._nobodys.cache_clear()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on SQLite."""
    made = Workspace.create(tmp_path / "bank", "en")
    yield from _with_users(made)


@pytest.fixture
def place_on_each(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on each kind of database."""
    yield from _with_users(workspace_on(new_database(), tmp_path / "bank"))


def _with_users(place: Workspace) -> Iterator[Workspace]:
    with_user(place, "ada", "admin")
    with_user(place, "lena", "lead")
    with_user(place, "anton", "annotator")
    yield place
    place.database.dispose()


@pytest.fixture
def console(place: Workspace) -> Iterator[Console]:
    made = Console(place, PAGES, 8090)
    yield made
    made.close()


@pytest.fixture
def console_on_each(place_on_each: Workspace) -> Iterator[Console]:
    made = Console(place_on_each, PAGES, 8090)
    yield made
    made.close()


@pytest.fixture
def browsers() -> Iterator[NewBrowser]:
    """Makes browsers that show a console, in English."""
    with ExitStack() as stack:

        def new(
            console: Console, base_url: str = "http://console.local:8090", pages: Sequence[Page] = PAGES
        ) -> Browser:
            client = TestClient(create_app(console, pages), base_url=base_url, raise_server_exceptions=False)
            client.headers["Accept-Language"] = "en"
            return Browser(stack.enter_context(client))

        yield new


@pytest.fixture
def browser(browsers: NewBrowser, console: Console) -> Browser:
    """A browser in which nobody has signed in."""
    return browsers(console)
