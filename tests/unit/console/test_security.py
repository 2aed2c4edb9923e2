"""What attackers try on every page: forms of other sites, cookies planted before the sign-in, scripts in stored text.

`test_forms.py` has the secrets of forms and the roles.
"""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from firstline.console.app import PAGES, create_app, shielded
from firstline.console.console import Console, SingleUse
from firstline.console.page import Page
from firstline.store.database import writing_rows
from firstline.store.labelling import Suggested, lease_next, remark, write_queue
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes, labels, messages
from firstline.store.users import list_users
from firstline.store.workspace import Workspace
from tests.console import PASSWORD, Browser, with_user
from tests.unit.console.conftest import NewBrowser
from tests.unit.console.test_forms import POSTS, at, sent, title
from tests.unit.store.filling import take_in

READ = [one for one in PAGES if one.method == "GET"]
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
SENTINEL = "zqx"
"""In every planted text, so that a page which shows none of them is noticed."""
_SUM = f"{{{{'{SENTINEL}'~'{SENTINEL}'}}}}"
"""What a template would make `SENTINEL` twice of."""
EVIL = (
    f"\"'><script>alert('{SENTINEL}')</script><img src=x onerror=alert('{SENTINEL}')>"
    f"<a href=\"javascript:alert('{SENTINEL}')\">{SENTINEL}</a></template><iframe></iframe>{_SUM}{{% raw %}}"
)
_NAME = f"<img src=x onerror={SENTINEL}>{_SUM}"
"""A user's name is short."""


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
@pytest.mark.parametrize("one", POSTS, ids=title)
def test_no_page_takes_a_form_of_another_site(
    browser: Browser, console: Console, one: Page, headers: dict[str, str]
) -> None:
    browser.sign_in("ada")
    browser.get("/")
    files = {"file": ("a.csv", b"text\nhello\n")} if one.takes_file else None
    fields = {"csrf": browser.secret, "name": "anton", "role": "admin", "language": "ru"}
    refused = browser.client.post(at(one), data=fields, files=files, headers=headers, follow_redirects=False)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    with console.place.database.connect() as connection:
        assert {user.name: user.role for user in list_users(connection)}["anton"] == "annotator"
    assert browser.get("/").status_code == 200


def plant(browser: Browser, token: str) -> None:
    """Give a browser a session's cookie, as an attacker does who can write cookies of the domain."""
    browser.client.cookies.set("firstline-session-8090", token, domain="console.local", path="/")


@pytest.mark.parametrize("way", ["password", "link"])
def test_a_session_that_was_planted_before_the_sign_in_is_worth_nothing(
    browsers: NewBrowser, console: Console, way: str
) -> None:
    attacker, victim = browsers(console), browsers(console)
    attacker.sign_in("anton")
    planted = attacker.token
    plant(victim, planted)
    assert "anton" in victim.get("/").text
    if way == "password":
        victim.client.post("/sign-out", data={"csrf": victim.secret})
        plant(victim, planted)
        assert victim.sign_in("ada").status_code == 303
    else:
        console.link = link = SingleUse(1)
        assert victim.get(f"/demo?token={link.token}").status_code == 303
    assert victim.token != planted
    assert "ada" in victim.get("/account").text
    # The attacker's own session is over, and the victim's is not theirs.
    assert attacker.get("/account").headers["location"].startswith("/sign-in")
    assert console.sessions.find(planted) is None


def test_the_secret_of_the_form_of_the_sign_in_opens_no_form_afterwards(browser: Browser) -> None:
    browser.get("/sign-in")
    before = browser.secret
    browser.post("/sign-in", {"name": "ada", "password": PASSWORD})
    add = next(one for one in POSTS if one.path == "/users/add")
    assert sent(browser, add, csrf=before) == 403


def test_a_session_that_was_signed_out_stays_so_if_its_cookie_comes_back(browser: Browser) -> None:
    browser.sign_in("ada")
    token = browser.token
    browser.get("/")
    browser.post("/sign-out")
    plant(browser, token)
    assert browser.get("/").headers["location"] == "/sign-in"


class Elements(HTMLParser):
    """Collects what could run: `found` is empty for a page of ours."""

    _OURS = re.compile(r"/static/[\w.-]+\.js")
    _FOREIGN = frozenset({"img", "iframe", "object", "embed", "base", "frame", "applet", "math", "audio", "video"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        source = dict(attrs).get("src") or ""
        if tag in self._FOREIGN or (tag == "script" and not self._OURS.fullmatch(source)):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith(("on", "hx-on", "style")) or name in ("srcdoc", "http-equiv"):
                self.found.append(f"{tag} {name}")
            if name in ("href", "action", "formaction", "src", "hx-get", "hx-post") and (value or "")[:1] not in "/#?":
                self.found.append(f"{tag} {name}={value}")


@pytest.fixture
def poisoned(place: Workspace) -> Workspace:
    """A workspace in which everything that a person can write is an attack."""
    with_user(place, _NAME, "admin")
    take_in(place.database, StoredMessage(f"{EVIL} 1", EVIL, label=f"{EVIL} class"), source=EVIL)
    take_in(place.database, StoredMessage(f"{EVIL} 2", EVIL, label="<b>other</b>"), source="crm")
    take_in(place.database, *(StoredMessage(f"{EVIL} {number}", EVIL) for number in range(3, 8)))
    with writing_rows(place.database) as connection:
        connection.execute(classes.update().values(description=EVIL))
        connection.execute(labels.update().values(by=_NAME))
        guesses = [(one, 0.4) for one in connection.execute(select(classes.c.id)).scalars()]
        rows = [
            Suggested(one, one, reason, guesses)
            for one, reason in zip(
                connection.execute(select(messages.c.id).order_by(messages.c.id.desc())).scalars(),
                ("close_call", "typical", "unstable", EVIL, "random"),
                strict=False,
            )
        ]
        write_queue(connection, rows)
        for kind in ("note", "unsure"):
            held = lease_next(connection, _NAME, 1)[0].suggested.message_id
            remark(connection, _NAME, held, kind, EVIL)
    return place


def is_page(answer: httpx.Response) -> bool:
    """Whether a browser shows it as a page; anything else it has to store as a file."""
    if answer.headers.get("content-type", "text/html").startswith("text/html"):
        return True
    assert answer.headers["content-disposition"].startswith("attachment")
    return False


@pytest.fixture
def pages(poisoned: Workspace, console: Console, browsers: NewBrowser) -> Iterator[dict[str, str]]:
    """The text of each page that an admin with an evil name can open, by address and language."""
    found: dict[str, str] = {}
    browser = browsers(console)
    browser.sign_in(_NAME)
    browser.upload(f"{_NAME}.csv", f'text,"{_NAME}"\nhello there,"{_NAME}"\n'.encode())
    for language in ("en", "ru"):
        browser.client.headers["Accept-Language"] = language
        for one in READ:
            shown = browser.get(at(one))
            assert shown.status_code < 500, one.path
            if is_page(shown):
                found[f"{at(one)} {language}"] = shown.text
        wrong = f"/{EVIL}", f"/label?q={EVIL}", f"/users?done={EVIL}", f"/?next={EVIL}"
        found |= {f"{path} {language}": browser.get(path).text for path in wrong}
        browser.get("/label")
        told = browser.post("/label/more")
        found[f"/label/more {language}"] = str(told.json()["cards"])
    yield found


def test_no_stored_text_becomes_a_script(pages: dict[str, str]) -> None:
    assert {address: Elements(text).found for address, text in pages.items() if Elements(text).found} == {}


def test_no_stored_text_is_run_as_a_template(pages: dict[str, str]) -> None:
    assert [address for address, text in pages.items() if 2 * SENTINEL in text] == []


def test_the_pages_do_show_what_was_planted(pages: dict[str, str]) -> None:
    shown = {address.partition(" ")[0] for address, text in pages.items() if SENTINEL in text}
    assert {"/", "/label", "/label/more", "/users", "/account", "/import/check", "/classes/1/guide"} <= shown


def test_the_search_for_scripts_finds_them() -> None:
    found = Elements(f"<p>{EVIL}</p>").found
    assert {"script", "img", "iframe", "img onerror"} <= set(found)
    assert any("javascript" in one for one in found)
    assert Elements('<script src="/static/keys.0a.js"></script><a href="/users">x</a>').found == []


def test_what_is_told_as_json_is_no_page(poisoned: Workspace, browser: Browser) -> None:
    browser.sign_in(_NAME)
    browser.get("/label")
    told = browser.post("/label/more")
    assert told.headers["content-type"].startswith("application/json")
    assert json.loads(told.text)["cards"]


def test_every_answer_has_the_headers(console: Console) -> None:
    with TestClient(shielded(create_app(console)), base_url="http://console.local:8090") as client:
        browser = Browser(client)
        browser.get("/sign-in")
        answers = [browser.client.get("/sign-in"), browser.client.get("/nothing"), browser.sign_in("ada")]
        answers += [browser.get(at(one)) for one in READ]
        answers += [browser.client.post(at(one), follow_redirects=False) for one in POSTS]
    assert len(answers) > 20
    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS, answer.url
