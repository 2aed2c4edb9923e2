"""The frame, the start, errors: both languages, nothing unescaped, no stack trace."""

import json
import logging
import re
from pathlib import Path

import pytest

from firstline.console.app import PAGES
from firstline.console.console import Console
from firstline.console.page import page
from firstline.console.visit import Answer, Visit
from firstline.errors import RequestError, StoreUnusable
from firstline.store.workspace import Workspace
from tests.commands import run_here
from tests.console import Browser, with_user
from tests.unit.console.conftest import NewBrowser

SCRIPT = "<script>alert('x')</script>"


def test_the_start_counts_what_is_there(browsers: NewBrowser, console_on_each: Console, tmp_path: Path) -> None:
    browser = browsers(console_on_each)
    browser.sign_in("anton")
    assert "There are no messages yet." in browser.get("/").text
    assert "/import" not in browser.get("/").text
    file = tmp_path / "a.csv"
    file.write_text("text,label\nwhere is my card,Card\nhello there,\n", "utf-8")
    assert run_here("import", file, "-w", console_on_each.place.folder).returncode == 0
    shown = browser.get("/").text
    assert "messages</dt><dd>2</dd>" in shown
    assert "of them labelled</dt><dd>1</dd>" in shown


def test_names_and_classes_are_shown_as_text(tmp_path: Path, browsers: NewBrowser) -> None:
    place = Workspace.create(tmp_path / "bank <b>&'\"", "en")
    with_user(place, SCRIPT, "admin")
    file = tmp_path / "a.csv"
    file.write_text(f'text,label\nhello,"{SCRIPT}"\n', "utf-8")
    assert run_here("import", file, "-w", place.folder).returncode == 0
    console = Console(place, PAGES, 8090)
    browser = browsers(console)
    try:
        refused = browser.sign_in(f'"{SCRIPT}', "wrong password")
        assert "<script>alert" not in refused.text
        browser.sign_in(SCRIPT)
        for path in ("/", "/users", "/account", f"/{SCRIPT}", f"/users?done={SCRIPT}", f"/sign-in?next={SCRIPT}"):
            shown = browser.get(path).text
            assert "<script>alert" not in shown, path
        assert "&lt;script&gt;" in browser.get("/").text
        assert "bank &lt;b&gt;&amp;" in browser.get("/").text
    finally:
        console.close()


def test_each_language_has_its_sentences_and_a_person_chooses(browsers: NewBrowser, console: Console) -> None:
    browser = browsers(console)
    browser.client.headers["Accept-Language"] = "ru-RU,ru;q=0.9,en;q=0.8"
    shown = browser.get("/sign-in")
    assert '<html lang="ru">' in shown.text
    assert "Имя" in shown.text
    assert browser.post("/language", {"language": "en", "next": "/sign-in"}).headers["location"] == "/sign-in"
    assert '<html lang="en">' in browser.get("/sign-in").text
    browser.post("/language", {"language": "xx"})
    assert '<html lang="en">' in browser.get("/sign-in").text
    browser.client.headers["Accept-Language"] = "fr"
    browser.client.cookies.clear()
    assert '<html lang="en">' in browser.get("/sign-in").text


def test_every_sentence_has_a_translation() -> None:
    from babel.messages.pofile import read_po

    import firstline.console

    folder = Path(firstline.console.__file__).parent / "locale" / "ru" / "LC_MESSAGES"
    with (folder / "console.po").open("rb") as file:
        catalogue = read_po(file)
    texts = [message.string if isinstance(message.string, tuple) else (message.string,) for message in catalogue]
    assert len(texts) > 100
    assert [one for one in texts if not all(one)] == []


def test_an_unknown_page_and_another_method_are_pages(browser: Browser) -> None:
    for path, method, status, said in (
        ("/nothing", "GET", 404, "There is no such page."),
        ("/static/console.css", "GET", 404, "There is no such page."),
        ("/users", "POST", 405, "This page cannot be used like that."),
    ):
        done = browser.client.request(method, path)
        assert done.status_code == status
        assert said in done.text
        assert 'href="/"' in done.text


def test_a_bug_shows_the_id_of_the_request_and_nothing_of_the_error(
    browsers: NewBrowser, console: Console, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "карта 4276 1234 5678 9012"

    @page("/bug", role="annotator")
    def bug(visit: Visit) -> Answer:
        raise ValueError(secret)

    @page("/closed", role="annotator")
    def closed(visit: Visit) -> Answer:
        raise StoreUnusable("The database is gone.", "Start it.")

    @page("/refused", role="annotator")
    def refused(visit: Visit) -> Answer:
        raise RequestError("odd", "That is odd.", "Do otherwise.", status=409)

    browser = browsers(console, pages=(*PAGES, bug, closed, refused))
    browser.sign_in("anton")
    with caplog.at_level(logging.ERROR, "firstline.console"):
        failed = browser.get("/bug")
    assert failed.status_code == 500
    assert "The console failed on this request." in failed.text
    for found in (secret, "ValueError", "Traceback", ".py"):
        assert found not in failed.text
    assert [record.getMessage() for record in caplog.records] == ["GET /bug failed"]
    assert "anton" in failed.text
    unusable = browser.get("/closed")
    assert unusable.status_code == 503
    assert "The workspace cannot be used now." in unusable.text
    assert "database" not in unusable.text
    odd = browser.get("/refused")
    assert odd.status_code == 409
    assert "That is odd." in odd.text


def test_too_much_to_do_is_said(browser: Browser, console: Console) -> None:
    browser.sign_in("anton")
    console._waiting["pages"] = 1_000
    done = browser.get("/")
    assert (done.status_code, done.headers["retry-after"]) == (503, "5")
    console._waiting["pages"] = 0
    assert browser.get("/").status_code == 200


def test_pages_need_nothing_that_the_policy_forbids(browser: Browser) -> None:
    browser.sign_in("ada")
    for path in ("/", "/users", "/account", "/import", "/nothing"):
        shown = browser.get(path).text
        assert " style=" not in shown
        assert "<style" not in shown
        assert not re.search(r"<[^>]* on[a-z]+=", shown)
        assert shown.count("<script") == shown.count("<script src=")
    config = shown.partition("htmx-config\" content='")[2].partition("'>")[0]
    assert json.loads(config)["allowEval"] is False
    assert json.loads(config)["includeIndicatorStyles"] is False
    assert json.loads(config)["historyCacheSize"] == 0


def test_a_file_of_the_package_is_kept_by_its_name(browser: Browser) -> None:
    found = browser.get("/sign-in").text
    for start, media_type in (("console.", "text/css"), ("htmx.min.", "text/javascript"), ("keys.", "text/javascript")):
        address = "/static/" + start + found.partition("/static/" + start)[2].partition('"')[0]
        sent = browser.client.get(address)
        assert sent.status_code == 200
        assert sent.headers["content-type"] == f"{media_type}; charset=utf-8"
        assert sent.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert sent.headers["etag"].strip('"') in address
        again = browser.client.get(address, headers={"If-None-Match": sent.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
