"""Many at once, as a browser does it: what is ticked gets the label, and nothing else does."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from firstline.console.console import Console
from firstline.store.clusters import Clustered, write_clusters
from firstline.store.database import writing_rows
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import classes, in_force, labels, leases, messages
from firstline.store.workspace import Workspace
from tests.console import Browser
from tests.unit.store.filling import take_in

N = 12
NewBrowser = Callable[..., Browser]


@pytest.fixture
def filled(console_on_each: Console) -> Workspace:
    """Two clusters of twelve messages, the first with a suggested class."""
    place = console_on_each.place
    take_in(place.database, StoredMessage("ноль", label="Карта"), StoredMessage("нуль", label="Вход"))
    take_in(place.database, *(StoredMessage(f"вопрос {number} <PHONE>") for number in range(2 * N)))
    card = class_id(place, "Карта")
    members = [[(2 * N * half // 2 + number + 3, 0.9 - number / 100) for number in range(N)] for half in range(2)]
    with writing_rows(place.database) as connection:
        write_clusters(
            connection,
            [Clustered(0, members[0], card, 0.83, ["вопрос"]), Clustered(1, members[1], None, None, [])],
        )
    return place


@pytest.fixture
def anton(filled: Workspace, console_on_each: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console_on_each)
    browser.sign_in("anton")
    return browser


def shown(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'name="shown" value="(\d+)"', page)]


def ticked(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'name="message" value="(\d+)" checked', page)]


def class_id(place: Workspace, name: str) -> int:
    with place.database.connect() as connection:
        return int(connection.execute(select(classes.c.id).where(classes.c.name == name)).scalar_one())


def given(place: Workspace, who: str = "anton") -> dict[int, int]:
    with place.database.connect() as connection:
        rows = connection.execute(select(labels.c.message_id, labels.c.class_id).where(labels.c.by == who, in_force))
        return dict(rows.all())


def fields(page: str, place: Workspace, name: str = "Карта", without: int = 0) -> dict[str, object]:
    return {"shown": shown(page), "message": shown(page)[without:], "class": class_id(place, name)}


def undo_at(page: str) -> str:
    (found,) = re.findall(r'name="at" value="([^"]+)"', page)
    return str(found)


def test_the_page_shows_every_row_and_the_suggested_class(anton: Browser) -> None:
    page = anton.get("/clusters").text
    assert len(shown(page)) == len(ticked(page)) == N
    assert "<h1>12 similar messages: “Карта”?</h1>" in page
    assert "Label 12 as “Карта”" in page
    assert "83 % likely" in page
    assert '<span class="masked">&lt;PHONE&gt;</span>' in page
    assert page.index("Least like the others") > page.index("вопрос 8 ")
    assert page.index("Least like the others") < page.index("вопрос 9 ")
    assert "2 groups are left." in page


def test_ticked_rows_get_the_label_and_others_stay_in_the_queue(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    sent = fields(page, filled, "Вход", without=2)
    done = anton.post("/clusters/give", sent)
    assert done.status_code == 303
    assert given(filled) == dict.fromkeys(shown(page)[2:], class_id(filled, "Вход"))
    with filled.database.connect() as connection:
        mine = connection.execute(select(labels.c.source, labels.c.is_random).where(labels.c.by == "anton")).all()
        assert set(mine) == {("console", False)}
        assert connection.execute(select(func.count()).select_from(leases)).scalar_one() == 0
    after = anton.get(done.headers["location"]).text
    assert "Saved: 10 as “Вход”." in after
    assert set(shown(after)).isdisjoint(shown(page))
    # Sent again, since the answer was lost.
    assert anton.post("/clusters/give", sent).headers["location"] == done.headers["location"]
    assert len(given(filled)) == 10


def test_a_group_is_undone_as_a_whole(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    done = anton.post("/clusters/give", fields(page, filled, without=3))
    at = undo_at(anton.get(done.headers["location"]).text)
    # It is offered as well if the page is opened anew.
    assert undo_at(anton.get("/clusters").text) == at
    back = anton.post("/clusters/undo", {"at": at})
    assert given(filled) == {}
    again = anton.get(back.headers["location"]).text
    assert "Undone: 9 labels." in again
    assert sorted(shown(again)) == sorted(shown(page))
    refused = anton.post("/clusters/undo", {"at": at})
    assert (refused.status_code, "There is nothing to undo" in refused.text) == (409, True)


def test_nobody_undoes_the_labels_of_others(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    done = anton.post("/clusters/give", fields(anton.get("/clusters").text, filled))
    at = undo_at(anton.get(done.headers["location"]).text)
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    lena.get("/clusters")
    assert lena.post("/clusters/undo", {"at": at}).status_code == 409
    assert len(given(filled)) == N


def test_rows_that_somebody_else_has_are_told_apart(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    first, second = shown(page)[:2]
    with writing_rows(filled.database) as connection:
        connection.execute(leases.update().where(leases.c.message_id == first).values(who="lena"))
        text = connection.execute(select(messages.c.text).where(messages.c.id == second)).scalar_one()
    take_in(filled.database, StoredMessage(text, label="Вход"))
    refused = anton.post("/clusters/give", fields(page, filled))
    assert refused.status_code == 409
    assert sorted(given(filled)) == sorted(shown(page)[2:])
    assert "2 messages were not labelled:" in refused.text
    assert "Saved: 10 as “Карта”." in refused.text
    assert refused.text.index("вопрос 0 ") < refused.text.index('id="group"')


def test_nothing_is_labelled_that_was_not_leased(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    with writing_rows(filled.database) as connection:
        connection.execute(leases.update().values(until=now()))
    assert anton.post("/clusters/give", fields(page, filled)).status_code == 409
    unseen = {"shown": [20], "message": [20], "class": class_id(filled, "Карта")}
    assert anton.post("/clusters/give", unseen).status_code == 409
    assert given(filled) == {}


def test_two_people_see_different_groups(anton: Browser, console_on_each: Console, browsers: NewBrowser) -> None:
    first = shown(anton.get("/clusters").text)
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    page = lena.get("/clusters").text
    assert len(shown(page)) == N
    assert set(shown(page)).isdisjoint(first)
    # Without a suggestion no class is chosen.
    assert "<h1>12 similar messages</h1>" in page
    assert not re.search(r'type="radio"[^>]* checked', page)
    ada = browsers(console_on_each)
    ada.sign_in("ada")
    assert "No group is waiting" in ada.get("/clusters").text


def test_a_class_has_to_be_chosen_and_a_row_ticked(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    sent = fields(page, filled, without=1)
    without_class = anton.post("/clusters/give", {**sent, "class": ""})
    assert (without_class.status_code, "Choose a class first." in without_class.text) == (422, True)
    assert ticked(without_class.text) == shown(page)[1:]
    without_rows = anton.post("/clusters/give", {**sent, "message": []})
    assert (without_rows.status_code, "No row is ticked." in without_rows.text) == (422, True)
    with writing_rows(filled.database) as connection:
        connection.execute(classes.update().where(classes.c.name == "Карта").values(retired_at=now()))
    gone = anton.post("/clusters/give", sent)
    assert (gone.status_code, "not in use any more" in gone.text) == (409, True)
    assert given(filled) == {}


def test_a_skipped_group_is_there_for_others_and_comes_back_by_undo(
    filled: Workspace, anton: Browser, console_on_each: Console, browsers: NewBrowser
) -> None:
    page = anton.get("/clusters").text
    done = anton.post("/clusters/skip", {"shown": shown(page)})
    after = anton.get(done.headers["location"]).text
    assert "Skipped." in after
    assert set(shown(after)).isdisjoint(shown(page))
    lena = browsers(console_on_each)
    lena.sign_in("lena")
    assert sorted(shown(lena.get("/clusters").text)) == sorted(shown(page))
    with writing_rows(filled.database) as connection:
        connection.execute(leases.delete().where(leases.c.who == "lena"))
    back = anton.post("/clusters/undo", {"at": undo_at(after)})
    assert sorted(shown(anton.get(back.headers["location"]).text)) == sorted(shown(page))


def test_the_page_that_is_open_keeps_its_messages(filled: Workspace, anton: Browser) -> None:
    page = anton.get("/clusters").text
    assert anton.post("/clusters/keep", {"shown": shown(page)}).json() == {"kept": N}
    with writing_rows(filled.database) as connection:
        connection.execute(leases.update().where(leases.c.message_id == shown(page)[0]).values(who="lena"))
    lost = anton.post("/clusters/keep", {"shown": shown(page)})
    assert (lost.status_code, lost.json()) == (409, {"kept": N - 1})


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"shown": ["x"], "message": ["x"], "class": "1"},
        {"shown": ["9" * 5_000], "class": "1"},
        {"shown": ["-1"], "class": "1"},
        {"shown": ["3"], "message": ["4"], "class": "1"},
        {"shown": ["3"], "message": ["3"], "class": "9" * 30},
        {"shown": [str(number) for number in range(1, 40)], "class": "1"},
    ],
)
def test_a_form_that_is_wrong_changes_nothing(filled: Workspace, anton: Browser, wrong: dict[str, object]) -> None:
    anton.get("/clusters")
    for path in ("/clusters/give", "/clusters/skip", "/clusters/keep"):
        if path == "/clusters/give" or "class" not in wrong or wrong["class"] == "1":
            assert anton.post(path, wrong).status_code in (400, 422 if path == "/clusters/give" else 400)
    assert given(filled) == {}


@pytest.mark.parametrize("query", ["last=x", f"group={'9' * 5_000}", "group=-1", "last=2026-01-01T00:00:00%2B03:00"])
def test_addresses_that_are_wrong_show_the_next_group(anton: Browser, query: str) -> None:
    page = anton.get(f"/clusters?{query}")
    assert (page.status_code, len(shown(page.text))) == (200, N)
    assert anton.post("/clusters/undo", {"at": "yesterday"}).status_code == 400


def test_what_people_write_is_text(filled: Workspace, anton: Browser) -> None:
    evil = "<script>alert(1)</script>"
    with writing_rows(filled.database) as connection:
        connection.execute(classes.update().where(classes.c.name == "Карта").values(name=evil))
        connection.execute(messages.update().where(messages.c.id == 3).values(text=evil))
    page = anton.get("/clusters").text
    assert evil not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
