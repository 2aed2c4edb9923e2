"""No page changes anything for another site, without its secret, or above a role."""

import re

import pytest

from firstline.console.app import PAGES, create_app
from firstline.console.console import Console
from firstline.console.page import Page, page
from firstline.console.visit import Answer, Visit
from firstline.console.words import later
from firstline.store.sessions import Session
from firstline.store.users import ROLES, Role, has_role, list_users
from tests.console import PASSWORD, Browser
from tests.unit.console.conftest import NewBrowser

NAMES: dict[Role, str] = {"annotator": "anton", "lead": "lena", "admin": "ada"}
POSTS = [one for one in PAGES if one.method == "POST"]
ROLED = [one for one in PAGES if one.role is not None]


def at(one: Page) -> str:
    """The address of a page, with 1 for each number in it."""
    return re.sub(r"\{\w+:int\}", "1", one.path)


def title(one: Page) -> str:
    return f"{one.method} {one.path}"


def roles_of(console: Console) -> dict[str, str]:
    with console.place.database.connect() as connection:
        return {user.name: user.role for user in list_users(connection) if user.disabled_at is None}


def sent(browser: Browser, one: Page, **options: str) -> int:
    """The status of an empty form; that of a page with a file needs a file."""
    files = {"file": ("a.csv", b"text\nhello\n")} if one.takes_file else None
    return browser.client.post(at(one), data={"any": "1", **options}, files=files, follow_redirects=False).status_code


def test_pages_with_forms_are_found() -> None:
    assert len(POSTS) > 8
    assert [one for one in POSTS if one.role is None and one.path not in ("/sign-in", "/sign-out", "/language")] == []


@pytest.mark.parametrize("one", POSTS, ids=title)
def test_each_form_needs_the_secret_of_its_own_session(browsers: NewBrowser, console: Console, one: Page) -> None:
    mine, others = browsers(console), browsers(console)
    mine.sign_in("ada")
    others.sign_in("lena")
    others.get("/")
    assert mine.secret != others.secret
    for options in ({}, {"csrf": ""}, {"csrf": "x" * 43}, {"csrf": others.secret}):
        assert sent(mine, one, **options) == 403
    assert roles_of(console) == {"ada": "admin", "lena": "lead", "anton": "annotator"}
    assert mine.get("/").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://console.local"},
        {"Origin": "http://console.local:8090.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_a_form_of_another_site_is_refused_though_it_has_the_secret(
    browser: Browser, console: Console, headers: dict[str, str]
) -> None:
    browser.sign_in("ada")
    browser.get("/users")
    refused = browser.post("/users/remove", {"name": "anton"}, headers=headers)
    assert refused.status_code == 403
    assert "anton" in roles_of(console)
    browser.get("/users")
    own = {"Origin": "http://console.local:8090", "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/users/remove", {"name": "anton"}, headers=own).status_code == 303
    assert "anton" not in roles_of(console)


def test_another_site_signs_nobody_in(browser: Browser) -> None:
    browser.get("/sign-in")
    refused = browser.post(
        "/sign-in", {"name": "ada", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
    )
    assert refused.status_code == 403
    assert browser.token == ""
    bare = browser.client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, follow_redirects=False)
    assert bare.status_code == 403


def test_htmx_sends_the_secret_as_a_header(browser: Browser, console: Console) -> None:
    browser.sign_in("ada")
    browser.get("/users")
    form = {"name": "anton", "role": "lead"}
    for secret, status in (("wrong", 403), (browser.secret, 303)):
        done = browser.client.post("/users/role", data=form, headers={"X-CSRF-Token": secret}, follow_redirects=False)
        assert done.status_code == status
    assert roles_of(console)["anton"] == "lead"


@pytest.mark.parametrize("one", ROLED, ids=title)
def test_who_has_not_signed_in_is_sent_to_the_sign_in(browser: Browser, one: Page) -> None:
    browser.get("/sign-in")
    if one.method == "POST":
        assert sent(browser, one, csrf=browser.secret) == 303
        return
    assert browser.get(at(one)).headers["location"].startswith("/sign-in")
    by_htmx = browser.client.get(at(one), headers={"HX-Request": "true"}, follow_redirects=False)
    assert (by_htmx.status_code, by_htmx.headers["hx-redirect"]) == (401, "/sign-in")


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("one", ROLED, ids=title)
def test_nobody_reaches_above_their_role(browser: Browser, console: Console, one: Page, role: Role) -> None:
    browser.sign_in(NAMES[role])
    start = browser.get("/")
    needed = one.role
    assert needed is not None
    if one.menu:
        assert (f'href="{one.path}"' in start.text) == (has_role(role, needed) or one.path == "/")
    is_form = one.method == "POST"
    status = sent(browser, one, csrf=browser.secret) if is_form else browser.get(at(one)).status_code
    assert (status == 403) == (not has_role(role, needed))
    assert roles_of(console) == {"ada": "admin", "lena": "lead", "anton": "annotator"}


@pytest.mark.parametrize("role", ROLES)
def test_nobody_raises_their_own_role(browser: Browser, console: Console, role: Role) -> None:
    name = NAMES[role]
    browser.sign_in(name)
    browser.get("/")
    for wanted in ROLES:
        for written in (name, name.upper(), f" {name} "):
            done = browser.post("/users/role", {"name": written, "role": wanted})
            assert done.status_code in (403, 422)
    assert roles_of(console)[name] == role


def test_a_page_of_others_is_guarded_as_soon_as_it_is_declared(console: Console, browsers: NewBrowser) -> None:
    seen: list[str] = []

    @page("/classes/{number:int}", role="lead", method="POST", menu=later("Classes"))
    def rename(visit: Visit) -> Answer:
        seen.append(f"{visit.person.name} {visit.parameters['number']} {visit.form.get('to')} {visit.form.all('on')}")
        return visit.go_to("/")

    browser = browsers(console, pages=(*PAGES, rename))
    browser.sign_in("anton")
    browser.get("/")
    assert browser.post("/classes/3", {"to": "x"}).status_code == 403
    browser.sign_in("lena")
    browser.get("/")
    assert browser.client.post("/classes/3", data={"to": "x"}).status_code == 403
    assert seen == []
    assert browser.post("/classes/3", {"to": "Карта", "on": ["1", "2"]}).status_code == 303
    assert seen == ["lena 3 Карта ['1', '2']"]


def test_the_secret_of_a_session_is_its_own(console: Console) -> None:
    found: list[Session | None] = [console.sessions.find(console.sessions.begin(1)) for _ in range(2)]
    secrets = {one.csrf for one in found if one is not None}
    assert len(secrets) == 2
    assert create_app(console) is not None


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/plain", b"csrf=x", 415),
        ("application/json", b"{}", 415),
        ("application/x-www-form-urlencoded", b"\xff\xfe", 400),
        ("application/x-www-form-urlencoded", b"&a=1" * 20_000, 400),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * 1_000_001, 413),
    ],
)
def test_what_is_no_form_is_refused(browser: Browser, content_type: str, body: bytes, status: int) -> None:
    browser.sign_in("ada")
    done = browser.client.post("/users/add", content=body, headers={"Content-Type": content_type})
    assert done.status_code == status
    assert "Traceback" not in done.text
