"""An admin manages the others, and always stays."""

import pytest

from firstline.console.console import Console
from firstline.store.database import writing
from firstline.store.users import find_user, set_role
from tests.console import PASSWORD, Browser
from tests.unit.console.conftest import NewBrowser

NEW = {"name": "olga", "role": "lead", "password": "four random words", "again": "four random words"}


def test_an_added_user_signs_in_with_the_role(browsers: NewBrowser, console_on_each: Console) -> None:
    ada = browsers(console_on_each)
    ada.sign_in("ada")
    ada.get("/users")
    done = ada.post("/users/add", NEW)
    assert done.headers["location"] == "/users?done=added"
    assert "The user is added." in ada.get("/users?done=added").text
    olga = browsers(console_on_each)
    assert olga.sign_in("olga", NEW["password"]).status_code == 303
    assert olga.get("/import").status_code == 200
    assert olga.get("/users").status_code == 403


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "LENA"}, "There is a user of this name already."),
        ({"name": " "}, "A name has 1 to 64 characters."),
        ({"name": "x" * 65}, "A name has 1 to 64 characters."),
        ({"role": "root"}, "There is no such role."),
        ({"again": "other"}, "The two passwords are not the same."),
        ({"password": "short", "again": "short"}, "A password has at least 10 characters."),
        ({"password": "x" * 1_001, "again": "x" * 1_001}, "The password is too long."),
        ({"password": "aaaaaaaaaaaa", "again": "aaaaaaaaaaaa"}, "This password is easy to guess."),
        ({"password": "olgaolga1234", "again": "olgaolga1234"}, "This password is easy to guess."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unfit_user_is_refused_in_words(
    browser: Browser, console: Console, change: dict[str, str], said: str
) -> None:
    browser.sign_in("ada")
    browser.get("/users")
    done = browser.post("/users/add", {**NEW, **change})
    assert done.status_code == 422
    assert said in done.text
    with console.place.database.connect() as connection:
        assert find_user(connection, "olga") is None


def test_a_change_of_role_and_password_signs_the_user_out(browsers: NewBrowser, console: Console) -> None:
    ada, lena = browsers(console), browsers(console)
    ada.sign_in("ada")
    for path, fields in (
        ("/users/role", {"name": "lena", "role": "annotator"}),
        ("/users/reset", {"name": "lena", "password": "four random words", "again": "four random words"}),
    ):
        lena.sign_in("lena")
        assert lena.get("/").status_code == 200
        ada.get("/users")
        assert ada.post(path, fields).status_code == 303
        assert lena.get("/").status_code == 303
    assert lena.sign_in("lena", PASSWORD).status_code == 403
    assert lena.sign_in("lena", "four random words").status_code == 303


def test_a_reset_ends_a_wait(browsers: NewBrowser, console: Console) -> None:
    ada, lena = browsers(console), browsers(console)
    for _ in range(6):
        lena.sign_in("lena", "wrong password")
    assert lena.sign_in("lena").status_code == 429
    ada.sign_in("ada")
    ada.get("/users")
    ada.post("/users/reset", {"name": "lena", "password": "four random words", "again": "four random words"})
    assert lena.sign_in("lena", "four random words").status_code == 303


def test_nobody_removes_or_resets_themselves_here_and_an_admin_stays(browser: Browser, console: Console) -> None:
    browser.sign_in("ada")
    browser.get("/users")
    words = {"password": "four random words", "again": "four random words"}
    for path, more in (("/users/remove", {}), ("/users/reset", words), ("/users/role", {"role": "lead"})):
        done = browser.post(path, {"name": "Ada", **more})
        assert done.status_code == 422
        assert "Nobody changes or removes their own account here." in done.text
    with console.place.database.connect() as connection:
        ada = find_user(connection, "ada")
    assert ada is not None
    assert (ada.role, ada.disabled_at) == ("admin", None)
    assert browser.post("/users/remove", {"name": "nobody"}).status_code == 422


def test_of_two_admins_who_lower_each_other_one_stays(browsers: NewBrowser, console: Console) -> None:
    with writing(console.place.database) as connection:
        set_role(connection, "lena", "admin")
    ada, lena = browsers(console), browsers(console)
    for browser, name in ((ada, "ada"), (lena, "lena")):
        browser.sign_in(name)
        browser.get("/users")
    assert ada.post("/users/role", {"name": "lena", "role": "lead"}).status_code == 303
    assert lena.post("/users/role", {"name": "ada", "role": "lead"}).headers["location"] == "/sign-in"
    with console.place.database.connect() as connection:
        left = find_user(connection, "ada")
    assert left is not None
    assert left.role == "admin"
