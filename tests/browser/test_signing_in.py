"""Signing in and out, and the language."""

from playwright.sync_api import expect

from tests.browser.screens import Desk

_TITLES = {"ru": "Войти", "en": "Sign in"}
_WRONG = {"ru": "Имя или пароль", "en": "Name or password is wrong."}


def test_a_person_signs_in_and_out(desk: Desk) -> None:
    page = desk.page
    desk.open("/")
    expect(page.locator("h1")).to_have_text(_TITLES[desk.look.language])
    desk.sign_in("anton", "wrong password")
    expect(page.get_by_role("alert")).to_contain_text(_WRONG[desk.look.language])
    desk.shoot("refused")
    # A refused sign-in is an error to the browser's console, too.
    desk.broken.clear()
    desk.sign_in("anton")
    expect(page.locator(".account")).to_have_text("anton")
    desk.shoot("start")
    page.locator("form[action='/sign-out'] button").click()
    expect(page.locator("h1")).to_have_text(_TITLES[desk.look.language])
    desk.open("/label")
    expect(page.locator("h1")).to_have_text(_TITLES[desk.look.language])


def test_a_person_chooses_the_language(desk: Desk) -> None:
    page = desk.page
    desk.sign_in("anton")
    other = "en" if desk.look.language == "ru" else "ru"
    page.locator("form[action='/language'] button").click()
    expect(page.locator("html")).to_have_attribute("lang", other)
    desk.open("/label")
    expect(page.locator("html")).to_have_attribute("lang", other)
