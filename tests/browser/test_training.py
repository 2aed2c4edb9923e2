"""A lead asks for the first training, a real worker does it, and its model answers."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from firstline.bundle.registry import champion_id
from firstline.store.messages import StoredMessage
from firstline.store.workspace import Workspace
from tests.browser.screens import Desk, Look
from tests.examples import examples
from tests.unit.store.filling import take_in

_MOST_MS = 120_000


@pytest.fixture
def worker(place: Workspace) -> Iterator[None]:
    """A worker of a workspace with labels, which trains the quickest candidate."""
    found = examples()
    pairs = zip(found.messages, found.labels, strict=True)
    take_in(place.database, *(StoredMessage(message.text, label=label) for message, label in pairs))
    written = place.settings_file.read_text("utf-8")
    quick = written.replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    place.settings_file.write_text(quick, "utf-8")
    command = [sys.executable, "-m", "firstline", "worker", "--workspace", str(place.folder)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        yield
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.parametrize("look", [Look("desktop", "ru")], ids=str)
@pytest.mark.usefixtures("worker")
def test_the_first_model_is_trained_from_the_page(place: Workspace, desk: Desk) -> None:
    page = desk.page
    desk.sign_in("lena")
    desk.open("/models")
    page.locator("form[action='/models/train'] [value=quick]").click()
    expect(page.locator("#training")).to_be_visible()
    # The page watches the training and is loaded again at its end.
    expect(page.locator("article.model")).to_be_visible(timeout=_MOST_MS)
    champion = champion_id(place.models)
    assert champion is not None
    expect(page.locator("article.model")).to_contain_text(champion)
    desk.shoot("trained")
    desk.expect_readable()
    desk.open("/quality")
    desk.shoot("quality")
    desk.expect_readable()
    desk.open("/")
    desk.shoot("start")
    desk.expect_readable()
