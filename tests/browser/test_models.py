"""A lead asks for a training and watches it, lets its model answer, goes back, and chooses a promise."""

import pytest
from playwright.sync_api import expect

from firstline.bundle.promise import read_promise
from firstline.bundle.promotions import promotions
from firstline.bundle.registry import champion_id
from firstline.store.database import writing_rows
from firstline.store.jobs import add_job, claim_job, finish_job, list_jobs, say_alive, tell
from firstline.store.workspace import Workspace
from tests.browser.filling import with_models
from tests.browser.screens import Desk


@pytest.fixture
def models(place: Workspace, desk: Desk) -> tuple[str, str]:
    """The champion and the challenger; a lead has signed in."""
    found = with_models(place)
    desk.sign_in("lena")
    return found


def test_a_model_answers_for_a_reason_and_the_earlier_one_again(
    place: Workspace, desk: Desk, models: tuple[str, str]
) -> None:
    champion, challenger = models
    page = desk.page
    desk.open("/models")
    desk.shoot("compared")
    promotion = page.locator("details", has=page.locator(f"#why-{challenger.replace('.', chr(92) + '.')}"))
    promotion.locator("summary").click()
    desk.shoot("asked")
    desk.expect_readable()
    promotion.locator(".primary").click()
    # The browser itself asks for the reason.
    assert champion_id(place.models) == champion
    page.keyboard.type("12 s новый класс нужен сегодня")
    promotion.locator(".primary").click()
    page.wait_for_url("**/models?done=promoted")
    assert champion_id(place.models) == challenger
    last = promotions(place.models)[-1]
    assert (last.by, last.why) == ("lena", "12 s новый класс нужен сегодня")
    desk.shoot("promoted")
    desk.expect_readable()
    back = page.locator("details", has=page.locator("form[action='/models/rollback']"))
    back.locator("summary").press("Enter")
    back.locator(".primary").press("Enter")
    page.wait_for_url("**/models?done=rolled_back")
    assert champion_id(place.models) == champion
    desk.shoot("back")


def test_a_training_is_watched(place: Workspace, desk: Desk, models: tuple[str, str]) -> None:
    page = desk.page
    desk.open("/models")
    page.locator("form[action='/models/train'] [value=quick]").click()
    page.wait_for_url("**/models?done=training")
    expect(page.locator("#training .command")).to_contain_text("firstline worker")
    desk.shoot("waits")
    desk.expect_readable()
    with writing_rows(place.database) as connection:
        say_alive(connection)
        job = claim_job(connection, "long", "host:1")
        assert job is not None
        tell(connection, job, {"what": "linear.v1, fold 2 of 5", "done": 1, "total": 4}, "10:00:00 reads\n")
    expect(page.locator("#training progress")).to_have_attribute("value", "25")
    expect(page.locator("#tail")).to_contain_text("10:00:00 reads")
    with writing_rows(place.database) as connection:
        tell(connection, job, {"what": "linear.v1, fold 4 of 5", "done": 3, "total": 4}, "10:00:09 fits\n")
    expect(page.locator("#training progress")).to_have_attribute("value", "75")
    desk.shoot("runs")
    desk.expect_readable()
    with writing_rows(place.database) as connection:
        finish_job(connection, job, "failed", error="Out of memory.")
    expect(page.locator(".notice.bad")).to_contain_text("Out of memory.")
    desk.shoot("failed")
    desk.expect_readable()


def test_a_training_is_stopped(place: Workspace, desk: Desk, models: tuple[str, str]) -> None:
    with writing_rows(place.database) as connection:
        add_job(connection, "retrain", {}, "ada")
    desk.open("/models")
    desk.page.locator("form[action='/models/cancel'] button").click()
    desk.page.wait_for_url("**/models?done=cancelled")
    with place.database.connect() as connection:
        assert list_jobs(connection)[0].state == "cancelled"


def test_the_promise_is_chosen_by_arrow_keys(place: Workspace, desk: Desk, models: tuple[str, str]) -> None:
    page = desk.page
    desk.open("/quality")
    dial, save = page.locator("#dial"), page.locator("#save")
    before = page.locator("#promised").inner_text()
    desk.press("KeyP")
    expect(dial).to_be_focused()
    desk.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
    expect(page.locator("#promised")).not_to_have_text(before)
    expect(save).to_be_enabled()
    wanted = float(page.locator("#precision").input_value())
    assert f"{100 * wanted:.0f}" in (dial.get_attribute("aria-valuetext") or "")
    desk.shoot("chosen")
    desk.expect_readable()
    save.press("Enter")
    page.wait_for_url("**/quality?done=promise")
    assert read_promise(place.models).precision == wanted
    expect(save).to_be_disabled()
    desk.shoot("saved")
    desk.expect_readable()
