"""The page about quality: its figures, the promise, the report in its sandbox, and what is refused."""

from collections.abc import Callable

import pytest
from litestar.testing import TestClient

from firstline.bundle.promise import Promise, read_promise, write_promise
from firstline.bundle.registry import promote
from firstline.console.app import create_app, shielded
from firstline.console.console import Console
from firstline.evaluation.held_out import HeldOut, held_out_file, keys_of
from firstline.evaluation.report.writing import report_file, write_report
from firstline.store.jobs import list_jobs
from firstline.store.messages import StoredMessage
from firstline.store.workspace import Workspace
from firstline.types import Message
from tests.bundles import LABELS, make_bundle, manifest
from tests.console import Browser
from tests.reports import answers
from tests.unit.store.filling import take_in

NewBrowser = Callable[..., Browser]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def champion(place: Workspace) -> str:
    model = make_bundle(place.models).id
    promote(place.models, model)
    return model


@pytest.fixture
def lena(champion: str, browser: Browser) -> Browser:
    browser.sign_in("lena")
    return browser


def with_answers(place: Workspace, model: str, *, wrong: str = "сообщение 4") -> None:
    """Held-out answers of a model to 120 messages; the text of one that it confuses is `wrong`."""
    found, named = answers()
    texts = [wrong if one.text == "сообщение 4" else one.text for one in named.values()]
    kept = HeldOut(
        model, found.labels, keys_of([Message(text) for text in texts]), found.truth, found.probabilities, found.novelty
    )
    folder = place.runs / "run-1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"id": "run-1", "started_at": "2026-01-01"}', "utf-8")
    kept.save(held_out_file(folder, model))
    take_in(
        place.database,
        *(StoredMessage(text, label=one.labels[0]) for text, one in zip(texts, named.values(), strict=True)),
    )


def asked(**fields: str) -> dict[str, str]:
    return {"precision": "0.9", "before": "95 % precision", **fields}


def test_without_a_model_the_page_says_what_to_do(browser: Browser) -> None:
    browser.sign_in("lena")
    page = browser.get("/quality")
    assert page.status_code == 200
    assert "There is no model yet" in page.text


def test_annotators_do_not_see_it(champion: str, browser: Browser) -> None:
    browser.sign_in("anton")
    assert 'href="/quality"' not in browser.get("/").text
    assert browser.get("/quality").status_code == 403
    assert browser.post("/quality/promise", asked(champion=champion)).status_code == 403


def test_every_figure_has_its_interval_and_each_stop_is_in_the_page(lena: Browser) -> None:
    page = lena.get("/quality").text
    assert "<b>90 of 100</b>" in page
    assert "80 to 95 of 100 would be right" in page
    assert page.count("<template data-stop") == 20
    assert "82\N{NO-BREAK SPACE}%: it routes 100\N{NO-BREAK SPACE}% by itself" in page
    assert "99\N{NO-BREAK SPACE}%: out of reach" in page
    assert '<option value="0.95" selected>' in page


@pytest.mark.parametrize(("query", "chosen"), [("0.9", "0.9"), ("2", "0.95"), ("nan", "0.95"), ("", "0.95")])
def test_without_the_script_a_form_shows_a_stop(lena: Browser, query: str, chosen: str) -> None:
    page = lena.get("/quality", params={"precision": query}).text
    assert f'<option value="{chosen}" selected>' in page
    assert f'id="precision" value="{chosen}"' in page


def test_a_promise_is_saved_once_and_followed(lena: Browser, place: Workspace, champion: str) -> None:
    lena.get("/quality")
    done = lena.post("/quality/promise", asked(champion=champion))
    assert (done.status_code, done.headers["location"]) == (303, "/quality?done=promise")
    assert read_promise(place.models) == Promise(precision=0.9)
    assert lena.post("/quality/promise", asked(champion=champion)).status_code == 303
    assert "In force now: 90\N{NO-BREAK SPACE}%" in lena.get("/quality").text


def test_a_form_that_was_overtaken_is_refused(lena: Browser, place: Workspace, champion: str) -> None:
    lena.get("/quality")
    write_promise(place.models, Promise(precision=0.99))
    refused = lena.post("/quality/promise", asked(champion=champion))
    assert refused.status_code == 409
    assert "Something has changed" in refused.text
    assert read_promise(place.models) == Promise(precision=0.99)
    lena.get("/quality")
    assert lena.post("/quality/promise", asked(champion="other", before="99 % precision")).status_code == 409
    assert read_promise(place.models) == Promise(precision=0.99)


@pytest.mark.parametrize("wrong", ["", "x", "nan", "inf", "1", "0", "-1", "9" * 400, "1e-9"])
def test_what_is_no_share_is_refused(lena: Browser, place: Workspace, champion: str, wrong: str) -> None:
    lena.get("/quality")
    assert lena.post("/quality/promise", asked(champion=champion, precision=wrong)).status_code == 422
    assert not (place.models / "promise.json").exists()


def test_while_a_training_has_the_models_a_promise_waits(lena: Browser, place: Workspace, champion: str) -> None:
    lena.get("/quality")
    with place.hold("models", "retrain"):
        refused = lena.post("/quality/promise", asked(champion=champion))
    assert refused.status_code == 409
    assert "A training, or somebody else" in refused.text


def test_what_is_confused_quotes_messages_as_text(lena: Browser, place: Workspace, champion: str) -> None:
    with_answers(place, champion, wrong=f"{EVIL} <PHONE>")
    page = lena.get("/quality").text
    assert "was taken for" in page or "were taken for" in page
    assert "Class by class" in page
    assert EVIL not in page


def test_a_forgotten_message_is_quoted_no_longer(lena: Browser, place: Workspace, champion: str) -> None:
    with_answers(place, champion)
    quoted = [one for one in answers()[1].values() if f"<q>{one.text}</q>" in lena.get("/quality").text]
    assert quoted
    with place.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM messages")
    assert f"<q>{quoted[0].text}</q>" not in lena.get("/quality").text


def test_the_report_is_served_in_a_sandbox(lena: Browser, place: Workspace, champion: str) -> None:
    assert lena.get("/quality/report").status_code == 404
    file, _ = write_report(place, champion)
    page = lena.get("/quality/report")
    assert page.status_code == 200
    assert page.content == file.read_bytes()
    assert 'href="/quality/report"' in lena.get("/quality").text


def test_a_report_of_another_version_is_not_served(lena: Browser, place: Workspace, champion: str) -> None:
    place.reports.mkdir()
    report_file(place, champion).write_text(f"<style>p {{}}</style>{EVIL}", "utf-8")
    assert lena.get("/quality/report").status_code == 404
    assert "Write the whole report" in lena.get("/quality").text


def test_the_worker_is_asked_for_the_report(lena: Browser, console: Console, champion: str) -> None:
    lena.get("/quality")
    assert lena.post("/quality/report", {"champion": "other"}).status_code == 409
    lena.get("/quality")
    lena.post("/quality/report", {"champion": champion})
    lena.post("/quality/report", {"champion": champion})
    with console.place.database.connect() as connection:
        found = list_jobs(connection)
    assert [(one.kind, one.arguments, one.asked_by) for one in found] == [("report", {"model": champion}, "lena")]


def test_a_model_that_is_damaged_is_named_in_words(lena: Browser, place: Workspace, champion: str) -> None:
    (place.models / champion / "manifest.json").write_bytes(b"{")
    page = lena.get("/quality")
    assert page.status_code == 200
    assert "cannot be read" in page.text


def test_a_model_from_before_promises(place: Workspace, browser: Browser) -> None:
    promote(place.models, make_bundle(place.models, record=None).id)
    browser.sign_in("lena")
    assert "older than promises" in browser.get("/quality").text


def test_names_of_classes_are_text(place: Workspace, browser: Browser) -> None:
    import msgspec

    from firstline.bundle.manifest import ClassMetrics

    draft = manifest()
    assert draft.metrics is not None
    per_class = {f"{EVIL} {name}": ClassMetrics(0.5, 0.5, 0.5, 10) for name in LABELS}
    metrics = msgspec.structs.replace(draft.metrics, per_class=per_class)
    promote(place.models, make_bundle(place.models, draft=msgspec.structs.replace(draft, metrics=metrics)).id)
    browser.sign_in("lena")
    page = browser.get("/quality").text
    assert EVIL not in page
    assert "&lt;script&gt;" in page


def test_the_report_has_its_own_policy_and_other_pages_the_usual_one(
    place: Workspace, console: Console, champion: str
) -> None:
    write_report(place, champion)
    with TestClient(shielded(create_app(console)), base_url="http://console.local:8090") as client:
        client.headers["Accept-Language"] = "en"
        browser = Browser(client)
        browser.sign_in("lena")
        report, page = browser.get("/quality/report"), browser.get("/quality")
    policy = report.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].endswith("sandbox allow-scripts")
    assert "unsafe-inline" not in policy[0]
    assert "'self'" not in policy[0]
    assert page.headers.get_list("content-security-policy")[0].startswith("default-src 'none'; script-src 'self'")
    assert report.headers["x-content-type-options"] == "nosniff"
