"""The page about models: promotion, rollback, training, and what is refused."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from firstline.bundle.promotions import promotions
from firstline.bundle.registry import champion_id, promote
from firstline.console.console import Console
from firstline.store.database import writing_rows
from firstline.store.jobs import Job, add_job, claim_job, finish_job, list_jobs, say_alive, tell
from firstline.store.messages import StoredMessage
from firstline.store.random_answers import RandomAnswer, add_answers, unanswered
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle
from tests.console import Browser
from tests.unit.store.filling import take_in

NewBrowser = Callable[..., Browser]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def two(place: Workspace) -> tuple[str, str]:
    """The champion and another model."""
    first, second = make_bundle(place.models, 4.0).id, make_bundle(place.models, 5.0).id
    promote(place.models, first)
    return first, second


@pytest.fixture
def lena(browser: Browser) -> Browser:
    browser.sign_in("lena")
    return browser


def words(page: str) -> str:
    """What people read: the secret of the forms, which is random, may hold any letters."""
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


def new_class(label: str, overlap: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a retraining tells of a class that the champion does not know."""
    figures = {"precision": 0.8, "recall": 0.4, "f1": 0.53}
    return {"label": label, "n_labels": 30, **figures, "n_suspects": 0, "overlap": overlap}


def result(champion: str, challenger: str, **gates: bool) -> dict[str, Any]:
    """What a retraining tells of a challenger that passed some gates and failed others."""
    found = [
        {"gate": name, "passed": passed, "figure": 1.0, "limit": 2.0, "words": "", "classes": [EVIL] * (not passed)}
        for name, passed in gates.items()
    ]
    told = {"challenger": challenger, "champion": champion, "promoted": False, "reason": "", "gates": found}
    return {**told, "new_classes": [new_class(f"{EVIL} новый")], "warnings": [], "run": "r"}


def retrained(place: Workspace, found: dict[str, Any]) -> None:
    """A retraining that has ended."""
    with writing_rows(place.database) as connection:
        add_job(connection, "retrain", {}, "lena")
        finish_job(connection, running(connection), "done", result=found)


def running(connection: Any) -> Job:
    claimed = claim_job(connection, "long", "host:1")
    assert claimed is not None
    return claimed


def all_jobs(place: Workspace) -> list[Job]:
    with place.database.connect() as connection:
        return list_jobs(connection)


def label_one(place: Workspace) -> None:
    take_in(place.database, StoredMessage("где карта", label="Карта"))


def test_a_new_class_is_told_with_the_one_that_it_is_taken_for(
    place: Workspace, two: tuple[str, str], lena: Browser
) -> None:
    overlap = {"label": "Чат", "other": EVIL, "n_taken": 18, "n_messages": 30}
    found = {"new_classes": [new_class("Чат", overlap), new_class("Вклад")]}
    retrained(place, result(*two, macro_f1=True) | found)
    page = words(lena.get("/models").text)
    assert "Чат: 30 labels, it finds 40 % of its messages. 18 messages are taken for" in page
    assert "Вклад: 30 labels, it finds 40 % of its messages." in page
    assert page.count("are taken for") == 1
    assert EVIL not in lena.get("/models").text


def test_annotators_do_not_see_it(two: tuple[str, str], browser: Browser) -> None:
    browser.sign_in("anton")
    assert 'href="/models"' not in browser.get("/").text
    for path in ("promote", "rollback", "train", "cancel"):
        assert browser.post(f"/models/{path}", {"model": two[1], "champion": two[0]}).status_code == 403
    assert browser.get("/models").status_code == browser.get("/models/progress").status_code == 403


def test_models_are_listed_with_intervals(two: tuple[str, str], lena: Browser) -> None:
    page = words(lena.get("/models").text)
    assert "in 95 of 100 cases 80 to 95" in page
    assert all(one in page for one in two)
    assert "F1" not in page


def test_a_promotion_names_who_and_why_without_personal_data(
    two: tuple[str, str], lena: Browser, place: Workspace
) -> None:
    first, second = two
    lena.get("/models")
    fields = {"champion": first, "model": second, "why": "проверено, звоните +7 916 123-45-67"}
    done = lena.post("/models/promote", fields)
    assert (done.status_code, done.headers["location"]) == (303, "/models?done=promoted")
    assert champion_id(place.models) == second
    assert lena.post("/models/promote", fields).status_code == 303
    last = promotions(place.models)[-1]
    assert (last.by, last.why) == ("lena", "проверено, звоните <PHONE>")
    assert len(promotions(place.models)) == 2
    assert "звоните &lt;PHONE&gt;" in lena.get("/models").text


def test_without_a_comparison_a_promotion_needs_a_reason(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    lena.get("/models")
    assert lena.post("/models/promote", {"champion": first, "model": second, "why": "  "}).status_code == 422
    assert champion_id(place.models) == first


def test_a_failed_gate_needs_a_reason_and_is_told_in_words(
    two: tuple[str, str], lena: Browser, place: Workspace
) -> None:
    first, second = two
    retrained(place, result(first, second, macro_f1=True, classes=False, latency=True))
    page = lena.get("/models").text
    assert "because it failed 1 check" in page
    assert "No single class is clearly worse" in page
    assert "1.0 ms, at most 2" in page
    assert "macro" not in page
    assert EVIL not in page
    assert lena.post("/models/promote", {"champion": first, "model": second}).status_code == 422
    lena.get("/models")
    assert lena.post("/models/promote", {"champion": first, "model": second, "why": "новый класс"}).status_code == 303
    assert promotions(place.models)[-1].why == "новый класс"


def test_if_all_gates_passed_no_reason_is_needed(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    retrained(place, result(first, second, macro_f1=True))
    lena.get("/models")
    assert lena.post("/models/promote", {"champion": first, "model": second}).status_code == 303
    assert champion_id(place.models) == second


def test_gates_against_an_earlier_champion_do_not_count(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    retrained(place, result(first, second, macro_f1=True))
    third = make_bundle(place.models, 6.0).id
    promote(place.models, third)
    lena.get("/models")
    assert lena.post("/models/promote", {"champion": third, "model": second}).status_code == 422


def test_of_two_promotions_one_wins(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    third = make_bundle(place.models, 6.0).id
    lena.get("/models")
    lena.post("/models/promote", {"champion": first, "model": second, "why": "a"})
    refused = lena.post("/models/promote", {"champion": first, "model": third, "why": "b"})
    assert refused.status_code == 409
    assert "Something has changed" in refused.text
    assert champion_id(place.models) == second
    with place.hold("models", "retrain"):
        busy = lena.post("/models/promote", {"champion": second, "model": third, "why": "b"})
    assert busy.status_code == 409
    assert champion_id(place.models) == second


@pytest.mark.parametrize("model", ["", "x", "../..", "9" * 3000, "linear"])
def test_only_a_model_of_the_workspace_is_promoted(
    two: tuple[str, str], lena: Browser, place: Workspace, model: str
) -> None:
    lena.get("/models")
    assert lena.post("/models/promote", {"champion": two[0], "model": model, "why": "a"}).status_code == 404
    assert champion_id(place.models) == two[0]


def test_a_model_that_cannot_be_loaded_is_not_promoted(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    next(file for file in (place.models / second).iterdir() if file.name != "manifest.json").write_bytes(b"")
    lena.get("/models")
    refused = lena.post("/models/promote", {"champion": first, "model": second, "why": "a"})
    assert refused.status_code == 409
    assert "cannot be loaded" in refused.text
    assert champion_id(place.models) == first


def test_rolling_back_once(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    first, second = two
    promote(place.models, second)
    assert f"<b>{first}</b> answers again" in lena.get("/models").text
    fields = {"champion": second, "model": first, "why": ""}
    assert lena.post("/models/rollback", fields).status_code == 303
    assert lena.post("/models/rollback", fields).status_code == 303
    assert champion_id(place.models) == first
    assert [one.is_rollback for one in promotions(place.models)] == [False, False, True]
    assert promotions(place.models)[-1].by == "lena"
    assert lena.post("/models/rollback", {"champion": first, "model": second}).status_code == 409


def test_the_first_training_is_asked_for_once(lena: Browser, place: Workspace) -> None:
    assert "Label some messages first" in lena.get("/models").text
    assert lena.post("/models/train", {"after": "0", "pace": "quick"}).status_code == 409
    label_one(place)
    page = lena.get("/models").text
    assert page.index('value="quick"') < page.index('value="full"')
    assert lena.post("/models/train", {"after": "0", "pace": "quick"}).status_code == 303
    assert lena.post("/models/train", {"after": "0", "pace": "full"}).status_code == 303
    found = all_jobs(place)
    assert [(one.kind, one.arguments, one.asked_by) for one in found] == [("retrain", {"minutes": 2}, "lena")]
    assert "A training waits for the worker" in lena.get("/models").text


def test_a_form_from_before_the_last_training_asks_for_none(lena: Browser, place: Workspace) -> None:
    label_one(place)
    lena.get("/models")
    retrained(place, result("a", "b", macro_f1=True))
    assert lena.post("/models/train", {"after": "0"}).status_code == 409
    assert len(all_jobs(place)) == 1
    lena.get("/models")
    assert lena.post("/models/train", {"after": str(all_jobs(place)[0].id)}).status_code == 303
    assert all_jobs(place)[0].arguments == {}


def test_without_a_worker_the_page_names_the_command(lena: Browser, place: Workspace) -> None:
    label_one(place)
    lena.get("/models")
    lena.post("/models/train", {"after": "0"})
    page = lena.get("/models").text
    assert "No worker seems to run" in page
    assert "firstline worker --workspace bank" in page
    with writing_rows(place.database) as connection:
        say_alive(connection)
    assert "No worker seems to run" not in lena.get("/models").text


def test_progress_comes_in_pieces_until_the_end(lena: Browser, place: Workspace) -> None:
    label_one(place)
    with writing_rows(place.database) as connection:
        add_job(connection, "retrain", {}, "lena")
        job = running(connection)
        lines = f"10:00:00 {EVIL}\n10:00:01 macro-F1 .5\n"
        tell(connection, job, {"what": "linear.v1, fold 2 of 5", "done": 1, "total": 4, "of_stage": 0.5}, lines)
    asked = {"params": {"job": str(job.id)}, "headers": {"HX-Request": "true"}}
    piece = lena.get("/models/progress", **asked)
    assert "<b>38\N{NO-BREAK SPACE}%</b>" in piece.text
    assert "linear.v1, fold 2 of 5" in piece.text
    assert "<html" not in piece.text
    assert EVIL not in piece.text
    assert "macro-F1" not in piece.text
    assert 'hx-trigger="every 2s"' in lena.get("/models").text
    with writing_rows(place.database) as connection:
        finish_job(connection, job, "failed", error=f"Out of memory. {EVIL}")
    assert lena.get("/models/progress", **asked).headers["hx-refresh"] == "true"
    page = lena.get("/models").text
    assert "The last training failed" in page
    assert EVIL not in page
    assert lena.get("/models/progress").headers["location"] == "/models"


def test_a_training_is_stopped(lena: Browser, place: Workspace) -> None:
    with writing_rows(place.database) as connection:
        waiting = add_job(connection, "retrain", {}, "lena")
        other = add_job(connection, "queue", {}, "labelling")
    lena.get("/models")
    assert lena.post("/models/cancel", {"job": str(waiting.id)}).status_code == 303
    assert lena.post("/models/cancel", {"job": str(waiting.id)}).status_code == 303
    assert {one.kind: one.state for one in all_jobs(place)} == {"retrain": "cancelled", "queue": "waiting"}
    for wrong in (str(other.id), "", "x", "-1", "9" * 30, "9" * 10, "²"):
        lena.get("/models")
        assert lena.post("/models/cancel", {"job": wrong}).status_code == 404


@pytest.mark.parametrize("broken", [{}, {"gates": 1}, {"challenger": "a", "champion": None, "gates": [{}]}])
def test_a_result_that_somebody_changed_breaks_no_page(
    two: tuple[str, str], lena: Browser, place: Workspace, broken: dict[str, Any]
) -> None:
    retrained(place, broken)
    assert lena.get("/models").status_code == 200


def test_the_history_has_accuracy_in_use(two: tuple[str, str], lena: Browser, place: Workspace) -> None:
    take_in(place.database, StoredMessage("где карта", label="Карта"), is_random=True)
    with writing_rows(place.database) as connection:
        add_answers(connection, two[0], [RandomAnswer(one.id, True, "route") for one in unanswered(connection)])
    page = lena.get("/models").text
    assert "1 message" in page
    assert "21–100" in page


def test_on_each_database(console_on_each: Console, browsers: NewBrowser) -> None:
    place = console_on_each.place
    label_one(place)
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    assert lena.get("/models").status_code == 200
    assert lena.post("/models/train", {"after": "0"}).status_code == 303
    page = lena.get("/models").text
    assert "A training waits for the worker" in page
    lena.post("/models/cancel", {"job": str(all_jobs(place)[0].id)})
    assert "The last training was stopped" in lena.get("/models").text
