"""The start page: the steps to a first model and the next one, then the state, for a lead and for an annotator."""

import re

import msgspec
import pytest
from sqlalchemy import Connection, func, select

from firstline.bundle.learning_curve import Expected, LearningCurve, Point, PowerLaw
from firstline.bundle.manifest import Measured, Metrics
from firstline.bundle.promise import Promise, write_promise
from firstline.bundle.registry import CHAMPION, promote
from firstline.console import progress
from firstline.console.console import Console
from firstline.store.database import writing
from firstline.store.jobs import add_job, claim_job, say_alive, say_gone, tell
from firstline.store.labelling import fill_at_random, give_label, lease_next, remark
from firstline.store.merges import merge_classes
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import classes, labels, second_labels
from firstline.store.workspace import Workspace
from tests.bundles import make_bundle, rewrite
from tests.console import Browser
from tests.unit.console.conftest import NewBrowser
from tests.unit.store.filling import take_in

METRICS = Metrics("cv", 650, 0.826, 0.8, 0.8, {"accuracy": (0.801, 0.849)}, {}, 0.02, 0.03)
LAW = PowerLaw(0.1, 1.0, 0.5)


@pytest.fixture
def lena(console_on_each: Console, browsers: NewBrowser) -> Browser:
    browser = browsers(console_on_each)
    browser.sign_in("lena")
    return browser


@pytest.fixture
def place(console_on_each: Console) -> Workspace:
    return console_on_each.place


def fill(place: Workspace, n_labelled: int, n_others: int = 5) -> None:
    """Messages of the classes Карта and Вход in turns, and others without a label."""
    names = ("Карта", "Вход")
    take_in(place.database, *(StoredMessage(f"где {row}", label=names[row % 2]) for row in range(n_labelled)))
    take_in(place.database, *(StoredMessage(f"вопрос {row}") for row in range(n_others)))


def train(place: Workspace, curve: LearningCurve | None = None) -> str:
    """A champion, as a training of now leaves it."""
    model = make_bundle(place.models).id
    measured = Measured(f"{now().isoformat()}+00:00")
    rewrite(place.models, model, metrics=METRICS, learning_curve=curve, measured=measured)
    promote(place.models, model)
    return model


def curve_at(n_labels: int) -> LearningCurve:
    def expected(n: int) -> Expected:
        right = 1 - LAW.error(n)
        return Expected(n, right, right - 0.02, right + 0.02)

    point = Point(n_labels, 0.8, 0.78, 0.82, 0.8, 0.78, 0.82, 5, 500)
    now_there, then = expected(n_labels), expected(n_labels + 500)
    return LearningCurve("linear.v1", 0, n_labels, 500, (point,), LAW, now_there, then)


def leased(connection: Connection, who: str, n: int) -> list[int]:
    """The ids of some messages that are leased to a person."""
    fill_at_random(connection, n)
    return [one.suggested.message_id for one in lease_next(connection, who, n)]


def give(place: Workspace, who: str, n: int) -> None:
    """Label messages as a person does on the page."""
    with writing(place.database) as connection:
        chosen = connection.execute(select(func.min(classes.c.id))).scalar_one()
        for message in leased(connection, who, n):
            give_label(connection, who, message, chosen)


def next_of(page: str) -> str:
    found = re.search(r'id="next-title">\s*(.*?)\s*</h1>', page)
    assert found, page
    return found[1]


def done_in(page: str) -> int:
    return page.count('<span class="chip">done</span>')


def words_of(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def test_each_step_comes_after_the_one_before(place: Workspace, lena: Browser) -> None:
    page = lena.get("/").text
    assert (next_of(page), done_in(page)) == ("Import messages", 0)
    assert 'class="button primary" href="/import"' in page
    fill(place, 0)
    assert next_of(lena.get("/").text) == "Write classes"
    fill(place, 12)
    page = lena.get("/").text
    assert (next_of(page), done_in(page)) == ("Label messages", 2)
    assert "12 of 50 labels" in page
    assert 'class="button primary" href="/label"' in page
    fill(place, 50)
    page = lena.get("/").text
    assert (next_of(page), done_in(page)) == ("Train a first model", 3)
    train(place)
    assert next_of(lena.get("/").text) == "Set the promise"
    write_promise(place.models, Promise(precision=0.9))
    page = lena.get("/").text
    assert (next_of(page), done_in(page)) == ("Label messages", 5)
    assert f"firstline serve --workspace {place.folder}" in page


def test_labels_of_one_class_train_no_model(place: Workspace, lena: Browser) -> None:
    take_in(place.database, *(StoredMessage(f"где {row}", label="Карта") for row in range(60)))
    with writing(place.database) as connection:
        connection.execute(classes.insert().values(name="Вход", kind="normal"))
    page = lena.get("/").text
    assert next_of(page) == "Label messages"
    assert "All labels are of one class." in page


def test_without_classes_they_are_written_many_at_once(place: Workspace, lena: Browser) -> None:
    fill(place, 0)
    assert 'class="button primary" href="/classes/new"' in lena.get("/").text


def test_an_annotator_sees_their_own_part(
    place: Workspace, lena: Browser, browsers: NewBrowser, console_on_each: Console
) -> None:
    anton = browsers(console_on_each)
    anton.sign_in("anton")
    assert "There are no messages yet." in words_of(anton.get("/").text)
    fill(place, 2)
    give(place, "anton", 2)
    give(place, "lena", 1)
    page = anton.get("/").text
    assert "You labelled 2 messages today." in words_of(page)
    for hidden in ("firstline worker", "firstline serve", "lena", "/import"):
        assert hidden not in page
    leads = words_of(lena.get("/").text)
    assert "anton 2 lena 1" in leads
    assert "labelled today, all people 3" in leads


def test_what_waits_for_a_lead_is_counted_once(place: Workspace, lena: Browser) -> None:
    fill(place, 2)
    assert "a lead:" not in lena.get("/").text
    with writing(place.database) as connection:
        first, second, third = leased(connection, "anton", 3)
        remark(connection, "anton", first, "unsure")
        card, entry = connection.execute(select(classes.c.id).order_by(classes.c.id)).scalars().all()
        for message, chosen in ((first, entry), (second, entry), (third, card)):
            values = {"message_id": message, "first_class": card, "class_id": chosen, "who": "ada", "at": now()}
            connection.execute(second_labels.insert().values(**values, reason="twice"))
    assert "2 messages wait for a lead:" in words_of(lena.get("/").text)
    take_in(place.database, StoredMessage("где 0", label="Вход"))
    assert "3 messages wait for a lead:" in words_of(lena.get("/").text)


def test_thin_classes_are_named_the_thinnest_first(place: Workspace, lena: Browser) -> None:
    fill(place, 41)
    with writing(place.database) as connection:
        connection.execute(classes.insert(), [{"name": f"Класс {n:02}", "kind": "normal"} for n in range(14)])
    page = lena.get("/").text
    thin = re.findall(r"<li><bdi>([^<]*)</bdi> <span class=\"muted\">(\d+)</span></li>", page)
    assert thin == [(f"Класс {n:02}", "0") for n in range(12)]
    assert "and 2 more" in page
    assert "Карта" not in page


def test_the_model_with_its_interval_and_what_more_labels_bring(place: Workspace, lena: Browser) -> None:
    fill(place, 60)
    model = train(place, curve_at(400))
    page = words_of(lena.get("/").text)
    assert "82.6 % of its answers are right (80.1 to 84.9 %)." in page
    assert model in page
    # 1 - (.1 + 400 ^ -.5) = .85 and 1 - (.1 + 700 ^ -.5) = .862; the interval is half of the way as wide as at 900.
    assert "About 300 more labels should bring +1.2 points: 86.2 % right (84.2 to 88.2 %) instead of 85.0 %, by" in page


def test_a_rough_curve_tells_nothing(place: Workspace, lena: Browser) -> None:
    fill(place, 60)
    curve = curve_at(400)
    assert curve.expected
    wide = Expected(900, curve.expected.accuracy, 0.6, 0.99)
    train(place, msgspec.structs.replace(curve, expected=wide))
    page = words_of(lena.get("/").text)
    assert "What more labels would bring cannot be told yet." in page
    assert "should bring" not in page


def test_without_a_law_nothing_is_promised(place: Workspace, lena: Browser) -> None:
    fill(place, 60)
    train(place)
    page = words_of(lena.get("/").text)
    assert "What more labels would bring cannot be told yet." in page
    assert "should bring" not in page


def test_a_training_that_is_under_way_is_not_asked_for_again(place: Workspace, lena: Browser) -> None:
    fill(place, 60)
    with writing(place.database) as connection:
        add_job(connection, "retrain", {}, "lena")
    page = lena.get("/").text
    assert next_of(page) == "A training is under way"
    assert "See how far it is" in page
    with writing(place.database) as connection:
        connection.exec_driver_sql("DELETE FROM jobs")
    assert next_of(lena.get("/").text) == "Train a first model"


def test_none_of_these_is_no_thin_class_as_soon_as_a_lead_says_so(place: Workspace, lena: Browser) -> None:
    fill(place, 4)
    assert "<dt>classes</dt><dd>2</dd>" in lena.get("/").text
    place.settings_file.write_text('[classes]\nnone = ["Вход"]\n')
    page = lena.get("/").text
    assert "<dt>classes</dt><dd>1</dd>" in page
    assert "<li><bdi>Вход</bdi>" not in page


def test_a_merge_of_classes_takes_nobody_their_labels_of_today(place: Workspace, lena: Browser) -> None:
    fill(place, 2, 3)
    give(place, "lena", 3)

    def counted() -> tuple[bool, bool, bool]:
        start, label, agreement = (words_of(lena.get(address).text) for address in ("/", "/label", "/agreement"))
        return "lena 3" in start, "3 labelled today" in label, "lena 3 0" in agreement

    assert counted() == (True, True, True)
    with writing(place.database) as connection:
        first, *_ = connection.execute(select(classes.c.name).order_by(classes.c.id)).scalars()
        other = "Вход" if first == "Карта" else "Карта"
        merge_classes(connection, first, other, "lena")
    assert counted() == (True, True, True)


def test_labels_since_the_training_call_for_another(place: Workspace, lena: Browser) -> None:
    fill(place, 60)
    train(place)
    write_promise(place.models, Promise(precision=0.9))
    page = lena.get("/").text
    assert (next_of(page), "since it was trained" in page) == ("Label messages", False)
    with writing(place.database) as connection:
        connection.execute(labels.update().values(at=now()))
    page = lena.get("/").text
    assert next_of(page) == "Train a model"
    assert "60 labels came in since the last training." in page


def test_a_champion_that_cannot_be_read_is_told(place: Workspace, lena: Browser) -> None:
    fill(place, 2)
    (place.models / CHAMPION).write_text("{")
    page = lena.get("/")
    assert (page.status_code, "The model in use cannot be read." in page.text) == (200, True)
    assert lena.get("/label").status_code == 200


def test_the_worker_and_what_it_does(place: Workspace, lena: Browser, console_on_each: Console) -> None:
    fill(place, 2)
    with writing(place.database) as connection:
        add_job(connection, "queue", {}, "lena")
    page = lena.get("/").text
    assert f"firstline worker --workspace {place.folder}" in page
    assert "1 job waits for it." in page
    console_on_each.has_own_worker = True
    assert "It is starting." in lena.get("/").text
    with writing(place.database) as connection:
        say_alive(connection)
    assert "begins the next job in a moment" in lena.get("/").text
    with writing(place.database) as connection:
        job = claim_job(connection, "short", "here:1")
        assert job is not None
        tell(connection, job, {"what": "vectors", "done": 3, "total": 7}, "")
    assert "It chooses the messages to label next. 3 / 7" in words_of(lena.get("/").text)
    with writing(place.database) as connection:
        say_gone(connection)
        connection.exec_driver_sql("DELETE FROM jobs")
    assert "It is starting." in lena.get("/").text


def test_counts_of_many_messages_are_kept_until_something_is_imported(
    place: Workspace, lena: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(place, 4)

    def n_labelled() -> str:
        found = re.search(r"of them labelled</dt><dd>(\d+)", lena.get("/").text)
        assert found
        return found[1]

    monkeypatch.setattr(progress, "_LARGE", 1)
    assert n_labelled() == "4"
    give(place, "anton", 1)
    assert n_labelled() == "4"
    take_in(place.database, StoredMessage("новое"))
    assert n_labelled() == "5"
    monkeypatch.setattr(progress, "_LARGE", 100_000)
    give(place, "anton", 1)
    assert n_labelled() == "6"


def test_a_name_is_shown_as_text(place: Workspace, lena: Browser) -> None:
    fill(place, 2)
    with writing(place.database) as connection:
        connection.execute(classes.insert().values(name="<script>alert(1)</script>", kind="normal"))
    page = lena.get("/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
