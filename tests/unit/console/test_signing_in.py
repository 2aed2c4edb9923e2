"""Signing in: cookies, sessions, guessing, on each kind of database."""

import time
from datetime import timedelta
from typing import Any

import pytest

from firstline.console import console as console_module
from firstline.console import passwords
from firstline.console.console import Console, SingleUse
from firstline.store import sessions as store_sessions
from firstline.store.database import writing
from firstline.store.key import open_key
from firstline.store.messages import now
from firstline.store.sign_ins import begin_trial
from firstline.store.users import add_user, disable_user, find_user, set_role
from tests.console import PASSWORD, Browser
from tests.unit.console.conftest import NewBrowser


def test_a_person_signs_in_and_gets_the_page_that_was_asked_for(browsers: NewBrowser, console_on_each: Console) -> None:
    browser = browsers(console_on_each)
    assert browser.get("/users").headers["location"] == "/sign-in?next=/users"
    form = browser.get("/sign-in?next=/users")
    assert 'name="next" value="/users"' in form.text
    entered = browser.post("/sign-in", {"name": "ADA", "password": PASSWORD, "next": "/users"})
    assert (entered.status_code, entered.headers["location"]) == (303, "/users")
    assert "ada" in browser.get("/users").text
    assert browser.get("/sign-in").headers["location"] == "/"
    browser.get("/")
    left = browser.post("/sign-out")
    assert left.headers["location"] == "/sign-in"
    assert browser.get("/").headers["location"] == "/sign-in"


def test_signing_out_ends_the_session_in_the_database(browser: Browser, console: Console) -> None:
    browser.sign_in("ada")
    token = browser.token
    assert console.sessions.find(token) is not None
    browser.get("/")
    browser.post("/sign-out")
    assert console.sessions.find(token) is None


def test_the_cookie_is_out_of_reach_and_over_tls_bound_to_the_host(browsers: NewBrowser, console: Console) -> None:
    plain = browsers(console).sign_in("ada").headers["set-cookie"]
    assert plain.startswith("firstline-session-8090=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(plain.split("; "))
    assert "Secure" not in plain
    secure = browsers(console, "https://console.local:8090").sign_in("ada").headers["set-cookie"]
    assert secure.startswith("__Host-firstline-session-8090=")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(secure.split("; "))
    assert "Domain" not in secure


def test_a_token_that_was_known_before_is_worth_nothing(browser: Browser, console: Console) -> None:
    browser.client.cookies.set("firstline-session-8090", "chosen-by-an-attacker", domain="console.local")
    browser.sign_in("ada")
    first = browser.token
    assert console.sessions.find("chosen-by-an-attacker") is None
    assert console.sessions.find(first) is not None
    console.sessions.begin(1, first)
    assert console.sessions.find(first) is None


def test_a_wrong_password_and_an_unknown_name_look_the_same_and_cost_the_same(
    browsers: NewBrowser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []
    hasher = passwords._hasher

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            checked.append(stored)
            return hasher.verify(stored, password)

        def hash(self, password: str) -> str:
            return hasher.hash(password)

        def check_needs_rehash(self, stored: str) -> bool:
            return hasher.check_needs_rehash(stored)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    pages: list[tuple[int, str]] = []
    with writing(console.place.database) as connection:
        disable_user(connection, "anton")
    for name in ("ada", "nobody", "anton"):
        browser = browsers(console)
        refused = browser.sign_in(name, "wrong password")
        pages.append((refused.status_code, refused.text.replace(name, "NAME").replace(browser.secret, "")))
        assert browser.token == ""
    assert pages[0][0] == 403
    assert "Name or password is wrong." in pages[0][1]
    assert len(set(pages)) == 1
    assert len(checked) == 3


def test_nobody_signs_in_without_a_password(browsers: NewBrowser, console: Console) -> None:
    with writing(console.place.database) as connection:
        add_user(connection, "demo", "admin", "")
    for password in ("", " ", "x" * 2_000):
        assert browsers(console).sign_in("demo", password).status_code == 403


def test_a_session_that_is_idle_or_old_has_ended(
    browser: Browser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.sign_in("ada")
    for after_s, expected in (
        (console.sessions.idle_s - 30, 200),
        (console.sessions.idle_s + 30, 303),
        (console.sessions.most_s + 30, 303),
    ):
        later = now() + timedelta(seconds=after_s)
        monkeypatch.setattr(store_sessions, "now", lambda at=later: at)
        monkeypatch.setattr(console.sessions, "_touch", lambda token_hash: None)
        assert browser.get("/").status_code == expected


def test_use_keeps_a_session_and_is_stored_once_a_minute(
    browser: Browser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[bytes] = []
    monkeypatch.setattr(console.sessions, "_store_touch", stored.append)
    browser.sign_in("ada")
    for _ in range(5):
        assert browser.get("/").status_code == 200
    console.sessions._touching.shutdown(wait=True)
    assert len(stored) == 1


@pytest.mark.parametrize("change", ["role", "removal"])
def test_sessions_end_when_the_role_changes(browser: Browser, console: Console, change: str) -> None:
    browser.sign_in("lena")
    assert browser.get("/import").status_code == 200
    with writing(console.place.database) as connection:
        if change == "role":
            set_role(connection, "lena", "annotator")
        else:
            disable_user(connection, "lena")
    assert browser.get("/import").headers["location"].startswith("/sign-in")
    if change == "role":
        browser.sign_in("lena")
        assert browser.get("/import").status_code == 403


def test_guessing_is_stopped_and_the_page_says_for_how_long(browsers: NewBrowser, console_on_each: Console) -> None:
    browser = browsers(console_on_each)
    for _ in range(5):
        assert browser.sign_in("ada", "wrong password").status_code == 403
    refused = browser.sign_in("ada")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 30
    assert "Wait 1 minute," in refused.text
    assert browser.token == ""
    assert browsers(console_on_each).sign_in("lena").status_code == 303


def test_an_account_that_many_guess_at_answers_late_but_lets_its_owner_in(
    browsers: NewBrowser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []

    async def sleep(delay_s: float) -> None:
        delays.append(delay_s)

    monkeypatch.setattr(console_module, "sleep", sleep)
    with writing(console.place.database) as connection:
        secret = open_key(console.place.folder, connection).secret
        for number in range(250):
            begin_trial(connection, secret, "ada", f"203.0.113.{number}")
    assert browsers(console).sign_in("ada").status_code == 303
    assert delays == [8.0]
    assert browsers(console).sign_in("ada").status_code == 303
    assert delays == [8.0]


@pytest.mark.parametrize(
    "address",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""],
)
def test_nobody_is_led_elsewhere(browser: Browser, address: str) -> None:
    browser.get("/sign-in")
    entered = browser.post("/sign-in", {"name": "ada", "password": PASSWORD, "next": address})
    assert entered.headers["location"] == "/"
    browser.get("/")
    assert browser.post("/language", {"language": "ru", "next": address}).headers["location"] == "/"


def test_a_link_signs_in_once_and_not_for_long(
    browsers: NewBrowser, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with console.place.database.connect() as connection:
        ada = find_user(connection, "ada")
    assert ada is not None
    console.link = link = SingleUse(ada.id)
    first, second = browsers(console), browsers(console)
    assert second.get("/demo?token=wrong").status_code == 403
    entered = first.get(f"/demo?token={link.token}")
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert first.get("/users").status_code == 200
    assert second.get(f"/demo?token={link.token}").status_code == 403
    assert second.token == ""
    console.link = old = SingleUse(ada.id)
    later = time.monotonic() + 901
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert second.get(f"/demo?token={old.token}").status_code == 403


def test_without_the_demo_there_is_no_link(browser: Browser, console: Console) -> None:
    assert console.link is None
    for query in ("", "?token=", "?token=None"):
        assert browser.get("/demo" + query).status_code == 403


def test_a_change_of_the_own_password_ends_other_sessions_and_keeps_this_one(
    browsers: NewBrowser, console: Console
) -> None:
    here, elsewhere = browsers(console), browsers(console)
    for one in (here, elsewhere):
        one.sign_in("anton")
    before = here.token
    here.get("/account")
    new: dict[str, Any] = {"password": PASSWORD, "new": "four random words here", "again": "four random words here"}
    for wrong in ({"password": "wrong"}, {"again": "other"}, {"new": "short", "again": "short"}):
        assert here.post("/account/password", {**new, **wrong}).status_code == 422
    done = here.post("/account/password", new)
    assert done.headers["location"] == "/account?done=password"
    assert here.get("/account").status_code == 200
    assert here.token != before
    assert console.sessions.find(before) is None
    assert elsewhere.get("/account").headers["location"].startswith("/sign-in")
    assert elsewhere.sign_in("anton").status_code == 403
    assert elsewhere.sign_in("anton", new["new"]).status_code == 303
