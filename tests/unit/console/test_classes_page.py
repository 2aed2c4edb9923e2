"""The classes of a team on its pages: who may do what, what is refused, and what becomes of two people at once."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from firstline.console.console import Console
from firstline.settings import read_settings
from firstline.store.class_changes import ClassOfTeam, list_classes, rename_class, retire_class
from firstline.store.database import writing
from firstline.store.jobs import list_jobs
from firstline.store.merges import merge_classes
from firstline.store.messages import StoredMessage
from firstline.store.schema import classes
from firstline.store.workspace import Workspace
from tests.console import Browser
from tests.unit.store.filling import take_in

NewBrowser = Callable[..., Browser]
EVIL = "<script>alert(1)</script>"
TEXT = "Обмен: курс валют\nКарта: всё о картах, звоните +7 916 123-45-67\nДругое\n"


@pytest.fixture
def filled(console_on_each: Console) -> Workspace:
    """Three labels of one class, two of another, one message with both."""
    place = console_on_each.place
    take_in(place.database, *(StoredMessage(text, label="Карта") for text in ("раз <PHONE>", "два", "три")))
    take_in(place.database, StoredMessage("три", label="Вход"), StoredMessage("пять", label="Вход"))
    return place


@pytest.fixture
def lena(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> Browser:
    return signed_in("lena", console_on_each, browsers)


def signed_in(who: str, console: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console)
    browser.sign_in(who)
    browser.get("/classes")
    return browser


def found(place: Workspace) -> dict[str, ClassOfTeam]:
    with place.database.connect() as connection:
        return {one.name: one for one in list_classes(connection)}


def counts(place: Workspace) -> dict[str, int]:
    return {one.name: one.n_labels for one in found(place).values() if not one.retired_at}


def id_of(place: Workspace, name: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def hidden(page: str, name: str) -> str:
    return str(re.findall(rf'name="{name}" value="([^"]*)"', page)[-1])


def n_queue_jobs(place: Workspace) -> int:
    with place.database.connect() as connection:
        return len(list_jobs(connection))


def test_an_annotator_reads_and_a_lead_changes(
    filled: Workspace, lena: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    anton = signed_in("anton", console_on_each, browsers)
    place = id_of(filled, "Карта")
    for path in ("/classes", f"/classes/{place}"):
        page = anton.get(path)
        assert page.status_code == 200
        assert "Карта" in page.text
        assert '<form method="post" action="/classes' not in page.text
        assert '<form method="post" action="/classes' in lena.get(path).text
    assert '<span class="masked">&lt;PHONE&gt;</span>' in anton.get(f"/classes/{place}").text
    assert anton.get("/classes/new").status_code == 403
    for path in (
        "add",
        "check",
        "save",
        *(f"{place}/{verb}" for verb in ["change", "merge", "separate", "retire", "none"]),
    ):
        assert anton.post(f"/classes/{path}", {"name": "Новый", "text": "Новый"}).status_code == 403
    assert counts(filled) == {"Карта": 3, "Вход": 2}


def test_thin_classes_are_marked(filled: Workspace, lena: Browser) -> None:
    lena.post("/classes/add", {"name": "Новый"})
    page = lena.get("/classes").text
    assert "17 more labels to check it" in page
    assert "no labels yet" in page


def test_a_class_that_is_sent_twice_is_added_once_and_the_queue_asked_for(filled: Workspace, lena: Browser) -> None:
    for _ in range(2):
        added = lena.post("/classes/add", {"name": " Обмен  валюты ", "description": "курс, тел. +7 916 123-45-67"})
        assert (added.status_code, added.headers["location"]) == (303, "/classes?done=added")
    assert found(filled)["Обмен валюты"].description == "курс, тел. <PHONE>"
    assert n_queue_jobs(filled) == 1
    assert "The class is added." in lena.get("/classes?done=added").text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "A class needs a name."),
        (" \u200b\x00", "A class needs a name."),
        ("Карта", "There is a class “Карта” already."),
        ("к арта", "differs from the class “Карта” only in capital letters or spaces."),
        ("я" * 300, "longer than 100 characters"),
        ("Анна +7 916 123-45-67", "looks like personal data"),
    ],
)
def test_names_that_cannot_be_are_refused_and_stay_in_the_form(
    filled: Workspace, lena: Browser, name: str, said: str
) -> None:
    page = lena.post("/classes/add", {"name": name, "description": "моё описание"})
    assert page.status_code == 422
    assert said in page.text
    assert ">моё описание</textarea>" in page.text
    assert counts(filled) == {"Карта": 3, "Вход": 2}


def test_what_people_write_is_text(filled: Workspace, lena: Browser) -> None:
    for name in (EVIL, "=1+1", "%(name)s {{ 7*7 }}"):
        assert lena.post("/classes/add", {"name": name, "description": EVIL}).status_code == 303
    refused = lena.post("/classes/add", {"name": "%(name)s {{ 7*7 }}", "description": "другое"})
    assert (refused.status_code, "There is a class “%(name)s {{ 7*7 }}” already." in refused.text) == (422, True)
    pages = ["/classes", "/classes/new", f"/classes/{id_of(filled, EVIL)}?into={id_of(filled, 'Карта')}"]
    for text in (
        *(lena.get(path).text for path in pages),
        lena.post("/classes/check", {"text": f"{EVIL}1: {EVIL}"}).text,
    ):
        assert EVIL not in text
    assert "=1+1" in found(filled)


def test_a_class_gets_another_name_and_description(filled: Workspace, lena: Browser) -> None:
    place = id_of(filled, "Карта")
    form = {"name": "Карты", "description": "о картах", "was_name": "Карта", "was_description": ""}
    for _ in range(2):
        done = lena.post(f"/classes/{place}/change", form)
        assert done.headers["location"] == f"/classes/{place}?done=changed"
    assert (counts(filled), found(filled)["Карты"].description) == ({"Карты": 3, "Вход": 2}, "о картах")
    assert "Imports also know it as: Карта." in lena.get(f"/classes/{place}").text
    back = {"name": "Карта", "description": "", "was_name": "Карты", "was_description": "о картах"}
    assert lena.post(f"/classes/{place}/change", back).status_code == 303
    assert found(filled)["Карта"].former_names == ("Карты",)


def test_a_form_from_before_another_lead_changed_the_class_is_refused(filled: Workspace, lena: Browser) -> None:
    place = id_of(filled, "Карта")
    lena.get(f"/classes/{place}")
    with writing(filled.database) as connection:
        rename_class(connection, "Карта", "Карты")
    mine = {"name": "Пластик", "description": "моё", "was_name": "Карта", "was_description": ""}
    page = lena.post(f"/classes/{place}/change", mine)
    assert page.status_code == 409
    assert "Somebody has changed this class meanwhile" in page.text
    assert (hidden(page.text, "name"), hidden(page.text, "was_name")) == ("Пластик", "Карты")
    assert set(counts(filled)) == {"Карты", "Вход"}
    # Seen now, so it may be replaced.
    assert lena.post(f"/classes/{place}/change", {**mine, "was_name": "Карты"}).status_code == 303
    assert set(counts(filled)) == {"Пластик", "Вход"}


def test_a_merge_says_what_it_does_first_and_is_taken_back(filled: Workspace, lena: Browser) -> None:
    place, into = id_of(filled, "Карта"), id_of(filled, "Вход")
    asked = lena.get(f"/classes/{place}?into={into}").text
    assert "2 labels become “Вход”." in asked
    assert "1 message has both and keeps “Вход”." in asked
    assert counts(filled) == {"Карта": 3, "Вход": 2}
    form = {name: hidden(asked, name) for name in ("into", "was_name", "into_name")}
    for _ in range(2):
        done = lena.post(f"/classes/{place}/merge", form)
        assert (done.status_code, done.headers["location"]) == (303, f"/classes/{into}?done=merged")
    assert counts(filled) == {"Вход": 4}
    assert lena.get(f"/classes/{place}").headers["location"] == f"/classes/{into}"
    take_in(filled.database, StoredMessage("шесть", label="Карта"))
    assert "3 labels come back to it." in lena.get(f"/classes/{into}?separate={place}").text
    for _ in range(2):
        done = lena.post(f"/classes/{into}/separate", {"class": place})
        assert (done.status_code, done.headers["location"]) == (303, f"/classes/{place}?done=separated")
    assert counts(filled) == {"Карта": 3, "Вход": 3}


def test_a_merge_of_classes_that_have_changed_meanwhile_is_refused(filled: Workspace, lena: Browser) -> None:
    take_in(filled.database, StoredMessage("семь", label="Обмен"))
    place, into, other = (id_of(filled, name) for name in ("Карта", "Вход", "Обмен"))
    form = {"into": into, "was_name": "Карта", "into_name": "Вход"}
    with writing(filled.database) as connection:
        rename_class(connection, "Вход", "Входы")
    assert lena.post(f"/classes/{place}/merge", form).status_code == 409
    with writing(filled.database) as connection:
        merge_classes(connection, "Карта", "Обмен", "ada")
    page = lena.post(f"/classes/{place}/merge", {**form, "into_name": "Входы"})
    assert page.status_code == 409
    assert "Somebody has changed one of the two classes" in page.text
    assert lena.post(f"/classes/{other}/merge", {"into": other}).status_code == 409
    assert counts(filled) == {"Обмен": 4, "Входы": 2}


def test_a_class_is_retired_and_used_again(filled: Workspace, lena: Browser) -> None:
    place = id_of(filled, "Карта")
    for back, left in (("", {"Вход": 2}), ("yes", {"Карта": 3, "Вход": 2})):
        for _ in range(2):
            assert lena.post(f"/classes/{place}/retire", {"back": back}).status_code == 303
        assert counts(filled) == left
        assert ("Out of use" in lena.get("/classes").text) is not bool(back)


def test_a_class_that_means_none_is_written_into_the_settings(filled: Workspace, lena: Browser) -> None:
    place = id_of(filled, "Вход")
    assert "<kbd>0</kbd>" not in lena.get("/label").text
    for _ in range(2):
        assert lena.post(f"/classes/{place}/none", {"means": "none"}).status_code == 303
    assert read_settings(filled.settings_file).classes.none == ("Вход",)
    page = lena.get("/label").text
    assert page.count(f'value="{place}" data-none><kbd>0</kbd>') == 1
    # It has its own key, and is not among the others.
    assert f'value="{place}"><' not in page
    form = {"name": "Другое", "description": "", "was_name": "Вход", "was_description": ""}
    assert lena.post(f"/classes/{place}/change", form).status_code == 303
    assert read_settings(filled.settings_file).classes.none == ("Вход", "Другое")
    assert lena.post(f"/classes/{place}/none", {"means": "normal"}).status_code == 303
    assert read_settings(filled.settings_file).classes.none == ("Вход",)
    assert "<kbd>0</kbd>" not in lena.get("/label").text


def test_settings_that_cannot_be_changed_leave_everything_as_it_was(
    filled: Workspace, lena: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRSTLINE_CLASSES__NONE", '["Прочее"]')
    page = lena.post(f"/classes/{id_of(filled, 'Вход')}/none", {"means": "none"})
    assert page.status_code == 422
    assert "firstline.toml cannot be changed here" in page.text
    lena.post("/classes/check", {"text": TEXT})
    refused = lena.post("/classes/save", {"text": TEXT, "none": "Другое", "plan": hidden(lena.last.text, "plan")})  # type: ignore[union-attr]
    assert refused.status_code == 422
    assert "Обмен: курс валют" in refused.text
    assert counts(filled) == {"Карта": 3, "Вход": 2}


def test_many_classes_are_checked_then_saved(filled: Workspace, lena: Browser) -> None:
    checked = lena.post("/classes/check", {"text": TEXT}).text
    assert "New: 2. Other sentence: 1. Unchanged: 0." in checked
    assert counts(filled) == {"Карта": 3, "Вход": 2}
    form = {"text": TEXT, "none": "Другое", "plan": hidden(checked, "plan")}
    for _ in range(2):
        assert lena.post("/classes/save", form).headers["location"] == "/classes?done=saved"
        assert '<a class="button primary" href="/label">' in lena.get("/classes?done=saved").text
    assert counts(filled) == {"Карта": 3, "Вход": 2, "Другое": 0, "Обмен": 0}
    assert found(filled)["Карта"].description == "всё о картах, звоните <PHONE>"
    assert read_settings(filled.settings_file).classes.none == ("Другое",)
    assert n_queue_jobs(filled) == 1


def test_what_is_saved_is_what_was_seen(filled: Workspace, lena: Browser) -> None:
    plan = hidden(lena.post("/classes/check", {"text": TEXT}).text, "plan")
    unseen = lena.post("/classes/save", {"text": TEXT + "Ещё один", "plan": plan})
    assert unseen.status_code == 409
    assert "Ещё один" in unseen.text
    with writing(filled.database) as connection:
        retire_class(connection, "Карта")
    for form in ({"text": TEXT, "plan": plan}, {"text": TEXT}, {"text": TEXT, "plan": plan, "none": "Чужой"}, {}):
        assert lena.post("/classes/save", form).status_code == 422
    assert counts(filled) == {"Вход": 2}


def test_a_text_with_lines_that_cannot_be_is_saved_not_at_all(filled: Workspace, lena: Browser) -> None:
    with writing(filled.database) as connection:
        merge_classes(connection, "Вход", "Карта", "ada")
    text = "Обмен\nобмен\nВход\n: без имени\nКАРТА\n" + "я" * 300
    page = lena.post("/classes/check", {"text": text}).text
    assert "5 lines cannot be saved." in page
    for said in ("stands in the text twice", "“Вход” was merged into “Карта”", "A class needs a name", "differs from"):
        assert said in page
    assert 'formaction="/classes/save"' not in page
    assert lena.post("/classes/save", {"text": text, "plan": hidden(page, "plan")}).status_code == 422
    assert counts(filled) == {"Карта": 4}


@pytest.mark.parametrize("place", ["999", "9" * 30, "0"])
def test_classes_that_do_not_exist_are_not_found(filled: Workspace, lena: Browser, place: str) -> None:
    assert lena.get(f"/classes/{place}").status_code == 404
    for verb in ("change", "merge", "separate", "retire", "none"):
        assert lena.post(f"/classes/{place}/{verb}").status_code == 404
    known = id_of(filled, "Карта")
    assert lena.post(f"/classes/{known}/separate", {"class": place}).status_code == 404
    assert lena.post(f"/classes/{known}/merge", {"into": place}).status_code == 404
    assert lena.get(f"/classes/{known}?into={place}").status_code == 422
    assert counts(filled) == {"Карта": 3, "Вход": 2}


def test_what_settings_lack_is_pointed_out_to_leads(filled: Workspace, lena: Browser) -> None:
    settings = filled.settings_file
    settings.write_text(settings.read_text("utf-8").replace("fixed = []", 'fixed = ["Вход"]'), "utf-8")
    assert "Imports refuse rows with these labels: Карта." in lena.get("/classes").text
    settings.write_text("nonsense", "utf-8")
    assert lena.get("/classes").status_code == 200


def test_a_team_without_classes_is_shown_the_way(console_on_each: Console, browsers: NewBrowser) -> None:
    for who, way in (("lena", 'href="/classes/new"'), ("anton", "A lead writes them")):
        browser = signed_in(who, console_on_each, browsers)
        for path in ("/classes", "/label"):
            assert way in browser.get(path).text
