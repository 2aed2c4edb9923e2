"""A console in process, on a new workspace with a user of each role."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copytree

import pytest
from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from firstline.console import passwords
from firstline.console.app import CONSOLE, PAGES, create_app
from firstline.console.console import Console
from firstline.console.page import Page
from firstline.store.workspace import Workspace
from tests.console import Browser, with_user
from tests.postgres import NewDatabase, workspace_on

NewBrowser = Callable[..., Browser]


@pytest.fixture(scope="package", autouse=True)
def _quick_hashes() -> Iterator[None]:
    """Argon2 with the least of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        passwords._nobodys.cache_clear()
        yield
    passwords._nobodys.cache_clear()


@pytest.fixture(scope="package")
def _bank(tmp_path_factory: pytest.TempPathFactory, _quick_hashes: None) -> Path:
    """The folder of a workspace on SQLite that each test gets a copy of."""
    made = Workspace.create(tmp_path_factory.mktemp("console") / "bank", "en")
    _add_users(made)
    made.database.dispose()
    return made.folder


@pytest.fixture
def place(_bank: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on SQLite."""
    found = Workspace.find(copytree(_bank, tmp_path / "bank"))
    yield found
    found.database.dispose()


@pytest.fixture
def place_on_each(new_database: NewDatabase, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace on each kind of database."""
    made = workspace_on(new_database(), tmp_path / "bank")
    _add_users(made)
    yield made
    made.database.dispose()


def _add_users(place: Workspace) -> None:
    with_user(place, "ada", "admin")
    with_user(place, "lena", "lead")
    with_user(place, "anton", "annotator")


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


@pytest.fixture(scope="package")
def _apps() -> list[Litestar]:
    """Applications with all pages that no browser uses: making one takes a while."""
    return []


@pytest.fixture
def browsers(_apps: list[Litestar]) -> Iterator[NewBrowser]:
    """Makes browsers that show a console, in English."""
    used: list[Litestar] = []
    with ExitStack() as stack:

        def new(
            console: Console, base_url: str = "http://console.local:8090", pages: Sequence[Page] = PAGES
        ) -> Browser:
            if pages is PAGES and _apps:
                app = _apps.pop()
                app.state[CONSOLE] = console
            else:
                app = create_app(console, pages)
            if pages is PAGES:
                used.append(app)
            client = TestClient(app, base_url=base_url, raise_server_exceptions=False)
            client.headers["Accept-Language"] = "en"
            return Browser(stack.enter_context(client))

        yield new
    _apps.extend(used)


@pytest.fixture
def browser(browsers: NewBrowser, console: Console) -> Browser:
    """A browser in which nobody has signed in."""
    return browsers(console)
