"""Agreement and decisions as a lead's browser does it: figures, choosing, undoing, and what is refused."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from firstline.console.console import Console
from firstline.store.database import writing, writing_rows
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import classes, in_force, labels, messages, remarks, second_labels
from firstline.store.workspace import Workspace
from tests.console import Browser
from tests.unit.store.filling import take_in

NewBrowser = Callable[..., Browser]
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def filled(console_on_each: Console) -> Workspace:
    """One message with a label, and one without."""
    place = console_on_each.place
    take_in(place.database, StoredMessage("списали дважды <PHONE>", label="Карта"), StoredMessage("не пускает"))
    take_in(place.database, StoredMessage("ноль", label="Вход"), StoredMessage("нуль", label="Кредит"))
    return place


@pytest.fixture
def lena(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console_on_each)
    browser.sign_in("lena")
    return browser


def message_id(place: Workspace, text: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(messages.c.id).where(messages.c.text.startswith(text))).scalar_one())


def class_id(place: Workspace, name: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def disagree(place: Workspace, n: int = 1) -> int:
    """A second person puts the message into another class, `n` times, and says why; returns its id."""
    found = message_id(place, "списали")
    row = {"message_id": found, "first_class": class_id(place, "Карта"), "class_id": class_id(place, "Вход")}
    with writing_rows(place.database) as connection:
        for _ in range(n):
            connection.execute(second_labels.insert().values(who="anton", at=now(), reason="twice", **row))
        note = {"message_id": found, "who": "anton", "at": now(), "kind": "note", "text": f"вход? {EVIL}"}
        connection.execute(remarks.insert().values(note))
    return found


def leave_unsure(place: Workspace) -> int:
    found = message_id(place, "не пускает")
    with writing_rows(place.database) as connection:
        row = {"message_id": found, "who": "anton", "at": now(), "kind": "unsure"}
        connection.execute(remarks.insert().values(row))
    return found


def holds(place: Workspace, message: int) -> list[tuple[str, str | None]]:
    """The labels in force of a message, with who gave them."""
    wanted = select(classes.c.name, labels.c.by).join_from(labels, classes)
    with place.database.connect() as connection:
        return [(name, by) for name, by in connection.execute(wanted.where(labels.c.message_id == message, in_force))]


def fields(page: str, action: str = "settle") -> dict[str, str]:
    """The hidden fields of a form: the one that decides, or the one that undoes."""
    form = page[page.index(f'action="/agreement/{action}"') :]
    return dict(re.findall(r'name="(message|seen|at)" value="([^"]*)"', form[: form.index("</form>")]))


def test_annotators_see_none_of_it(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> None:
    anton = browsers(console_on_each)
    anton.sign_in("anton")
    assert 'href="/agreement"' not in anton.get("/").text
    message = disagree(filled)
    for path in ("/agreement", "/agreement/settle", f"/messages/{message}"):
        assert anton.get(path).status_code == 403
    sent = {"message": message, "class": class_id(filled, "Вход")}
    assert anton.post("/agreement/settle", sent).status_code == 403
    assert anton.post("/agreement/undo", {"message": message, "at": now().isoformat()}).status_code == 403
    assert holds(filled, message) == [("Карта", None)]


def test_few_second_labels_give_no_figure(filled: Workspace, lena: Browser) -> None:
    disagree(filled)
    leave_unsure(filled)
    page = lena.get("/agreement").text
    assert "It is too early" in page
    assert "1 message has a second label." in page
    assert "alpha" not in page
    assert "Decide about 2 messages" in page


def test_enough_second_labels_are_measured(filled: Workspace, lena: Browser) -> None:
    ids = [StoredMessage(f"вопрос {number}", label="Кредит") for number in range(40)]
    take_in(filled.database, *ids)
    with writing_rows(filled.database) as connection:
        loan = class_id(filled, "Кредит")
        of_loan = connection.execute(select(labels.c.message_id).where(labels.c.class_id == loan)).scalars().all()
        row = {"who": "anton", "reason": "twice", "first_class": loan, "at": now()}
        for number, place in enumerate(of_loan):
            given = loan if number % 4 else class_id(filled, "Вход")
            connection.execute(second_labels.insert().values(message_id=place, class_id=given, **row))
    page = lena.get("/agreement").text
    assert "<b>73 of 100</b>" in page
    assert "the last 41 messages" in page
    assert "alpha" in page
    assert '<td><bdi>Вход</bdi></td><td><bdi>Кредит</bdi></td><td class="num">11</td>' in page
    assert '<td class="num">30 of 41</td>' in page
    assert '<td><bdi>anton</bdi></td><td class="num">0</td><td class="num">41</td>' in page


def test_a_disagreement_is_settled_and_the_next_one_shown(filled: Workspace, lena: Browser) -> None:
    first, unsure = disagree(filled), leave_unsure(filled)
    page = lena.get("/agreement/settle").text
    assert 'списали дважды <span class="masked">&lt;PHONE&gt;</span>' in page
    assert (page.count("<bdi>anton</bdi>, "), "вход? " in page, EVIL in page) == (1, True, False)
    assert page.index('data-key="Digit1"') < page.index('data-key="Digit2"')
    done = lena.post("/agreement/settle", {**fields(page), "class": class_id(filled, "Вход")})
    assert (done.status_code, done.headers["location"]) == (303, f"/agreement/settle?after={first}&done=settled")
    assert holds(filled, first) == [("Вход", "lena")]
    page = lena.get(done.headers["location"]).text
    assert "Saved: Вход" in page
    assert "1 message is left" in page
    assert fields(page)["message"] == str(unsure)


def test_none_of_these_is_on_0_even_if_somebody_gave_it(
    filled: Workspace, lena: Browser, console_on_each: Console
) -> None:
    disagree(filled)
    written = filled.settings_file.read_text("utf-8")
    filled.settings_file.write_text(written.replace("none = []", 'none = ["Карта"]'), "utf-8")
    console_on_each.place = Workspace.find(filled.folder)
    page = lena.get("/agreement/settle").text
    keys = dict(re.findall(r'name="class" value="(\d+)" data-key="(\w+)"', page))
    assert keys == {str(class_id(filled, "Карта")): "Digit0", str(class_id(filled, "Вход")): "Digit1"}


def test_another_class_is_chosen_by_its_name_and_undone(filled: Workspace, lena: Browser) -> None:
    unsure = leave_unsure(filled)
    take_in(filled.database, StoredMessage("ещё", label="КРЕДИТ"))
    page = lena.get("/agreement/settle").text
    hidden = fields(page)
    wrong = lena.post("/agreement/settle", {**hidden, "name": "Ипотека"})
    assert (wrong.status_code, "There is no class of this name" in wrong.text) == (422, True)
    done = lena.post("/agreement/settle", {**hidden, "name": " Кредит "})
    assert done.status_code == 303
    assert holds(filled, unsure) == [("Кредит", "lena")]
    page = lena.get(done.headers["location"]).text
    assert "Nothing is left to decide" in page
    back = lena.post("/agreement/undo", fields(page, "undo"))
    assert back.headers["location"] == f"/agreement/settle?after={unsure - 1}&done=undone"
    assert holds(filled, unsure) == []
    page = lena.get(back.headers["location"]).text
    assert "Undone." in page
    assert "не пускает" in page


def test_labels_that_imports_disagree_about_are_settled_and_come_back(filled: Workspace, lena: Browser) -> None:
    lena.get("/agreement")
    message = message_id(filled, "списали")
    take_in(filled.database, StoredMessage("списали дважды <PHONE>", label="Кредит"))
    page = lena.get("/agreement/settle").text
    assert "several labels" in page
    done = lena.post("/agreement/settle", {**fields(page), "class": class_id(filled, "Карта")})
    assert holds(filled, message) == [("Карта", "lena")]
    page = lena.get(done.headers["location"]).text
    assert "Nothing is left to decide" in page
    lena.post("/agreement/undo", fields(page, "undo"))
    assert sorted(holds(filled, message)) == [("Карта", None), ("Кредит", None)]
    assert "several labels" in lena.get("/agreement/settle").text


def test_what_somebody_else_did_meanwhile_is_refused(
    filled: Workspace, lena: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    message = disagree(filled)
    ada = browsers(console_on_each)
    ada.sign_in("ada")
    shown = fields(ada.get("/agreement/settle").text)
    lena.post("/agreement/settle", {**fields(lena.get("/agreement/settle").text), "class": class_id(filled, "Карта")})
    late = ada.post("/agreement/settle", {**shown, "class": class_id(filled, "Вход")})
    assert (late.status_code, "Somebody else has decided" in late.text) == (409, True)
    assert holds(filled, message) == [("Карта", None)]
    undo = fields(lena.get("/agreement/settle").text, "undo")
    assert ada.post("/agreement/undo", undo).status_code == 409
    with writing(filled.database) as connection:
        connection.execute(messages.delete().where(messages.c.id == message))
    gone = lena.post("/agreement/undo", undo)
    assert (gone.status_code, "This message has been deleted." in gone.text) == (409, True)


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/agreement/settle", {}, 400),
        ("/agreement/settle", {"message": "x", "class": "1"}, 400),
        ("/agreement/settle", {"message": "9" * 30, "class": "1"}, 400),
        ("/agreement/settle", {"message": "1", "class": "-1"}, 400),
        ("/agreement/settle", {"message": "999", "class": "1"}, 409),
        ("/agreement/settle", {"message": "1", "class": "1", "seen": "1" * 5_000}, 409),
        ("/agreement/undo", {"message": "1"}, 400),
        ("/agreement/undo", {"message": "1", "at": "yesterday"}, 400),
        ("/agreement/undo", {"message": "1", "at": "2026-01-01T00:00:00+03:00"}, 400),
        ("/agreement/undo", {"message": "1", "at": "2026-01-01T00:00:00"}, 409),
    ],
)
def test_a_form_that_is_wrong_is_refused(
    console: Console, browser: Browser, path: str, sent: dict[str, str], status: int
) -> None:
    take_in(console.place.database, StoredMessage("раз", label="Карта"))
    browser.sign_in("lena")
    browser.get("/agreement/settle")
    assert browser.post(path, sent).status_code == status


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "²", ""])
def test_any_place_in_the_list_can_be_named(console: Console, browser: Browser, after: str) -> None:
    browser.sign_in("lena")
    assert browser.get(f"/agreement/settle?after={after}&done=nothing").status_code == 200


def test_later_shows_the_next_one_and_then_the_first(filled: Workspace, lena: Browser) -> None:
    first, unsure = sorted((disagree(filled), leave_unsure(filled)))
    shown = [lena.get(f"/agreement/settle?after={after}").text for after in (0, first, unsure)]
    assert [fields(page)["message"] for page in shown] == [str(first), str(unsure), str(first)]


def test_the_page_of_a_message_has_its_history(filled: Workspace, lena: Browser) -> None:
    message = disagree(filled)
    page = lena.get("/agreement/settle").text
    lena.post("/agreement/settle", {**fields(page), "class": class_id(filled, "Вход")})
    page = lena.get(f"/messages/{message}").text
    told = ["labelled “Карта” by an import", "second label “Вход”", "decided “Вход”"]
    assert [one in page for one in told] == [True] * 3
    assert "label “Карта” no longer holds" in page
    assert EVIL not in page
    for missing in ("999", "9" * 30):
        assert lena.get(f"/messages/{missing}").status_code == 404
