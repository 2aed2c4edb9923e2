"""A database of an earlier version keeps everything when it is opened."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.engine import URL

from firstline.store import database
from firstline.store.database import open_database
from firstline.store.messages import StoredMessage, count_by_class, disagreements, read_for_training
from firstline.store.schema import message_ids, messages
from firstline.types import Message
from tests.postgres import NewDatabase
from tests.unit.store.filling import ids, labelled, take_in

ROWS: list["Row"] = [
    ("где заказ", "lead", "1", ("Заказ",)),
    ("карта не работает", None, "2", ("Карта", "Заказ")),
    ("карта потерялась", None, "2", ("Карта",)),
    ("спасибо", None, None, ()),
]


Row = tuple[str, str | None, str | None, tuple[str, ...]]


def fill_old_database(url: URL, rows: Sequence[Row]) -> None:
    """Tables as version 0001 made them, with messages: text, segment, id, labels."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        names = {*(name for row in rows for name in row[3]), "Пустой"}
        connection.execute(text("INSERT INTO classes (name) VALUES (:name)"), [{"name": name} for name in names])
        for content, segment, external_id, labels in rows:
            key = StoredMessage(content, segment).key
            row = {"key": key, "text": content, "segment": segment, "id": external_id}
            connection.execute(
                text("INSERT INTO messages (key, text, segment, external_id) VALUES (:key, :text, :segment, :id)"), row
            )
            for name in labels:
                connection.execute(
                    text("INSERT INTO labels (message_key, class_name, source) VALUES (:key, :name, 'import')"),
                    {"key": key, "name": name},
                )
        connection.execute(text("INSERT INTO state (name, value) VALUES ('masks', 'x')"))
    engine.dispose()


@pytest.fixture
def url(new_database: NewDatabase) -> URL:
    """A database as version 0001 left it."""
    made = new_database("empty")
    fill_old_database(made, ROWS)
    return made


def test_messages_labels_and_classes_are_the_same(url: URL) -> None:
    engine = open_database(url)
    read = read_for_training(engine)
    assert sorted(zip(read.messages, read.labels, strict=True), key=str) == [
        (Message("где заказ", "lead"), "Заказ"),
        (Message("карта потерялась"), "Карта"),
    ]
    assert (len(read.unlabelled), read.n_disagreements) == (2, 1)
    with engine.connect() as connection:
        assert count_by_class(connection) == {"Заказ": 2, "Карта": 2, "Пустой": 0}
        assert [item.labels for item in disagreements(connection)] == [("Заказ", "Карта")]
        assert connection.execute(text("SELECT value FROM state")).scalars().all() == ["x"]
    engine.dispose()


def test_an_id_that_several_messages_had_stays_with_the_first(url: URL) -> None:
    engine = open_database(url)
    assert ids(engine) == {"1": "где заказ", "2": "карта не работает"}
    engine.dispose()


def test_the_next_import_finds_the_messages_by_their_ids(url: URL) -> None:
    engine = open_database(url)
    tally = take_in(engine, StoredMessage("где мой заказ", "lead", "1"))
    assert (tally.n_new, tally.n_corrected) == (0, 1)
    assert ("где мой заказ", "Заказ") in labelled(engine)
    with engine.connect() as connection:
        assert set(connection.execute(select(message_ids.c.source)).scalars()) == {"crm", ""}
        assert len(connection.execute(select(messages.c.id)).all()) == len(ROWS)
    engine.dispose()


@pytest.mark.parametrize("table", ["message_ids", "classes", "labels", "corrections"])
def test_a_migration_that_breaks_half_way_leaves_the_old_database(
    url: URL, monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    from alembic import op

    create = op.create_table

    def broken(name: str, *rest: object, **options: object) -> None:
        if name == table:
            raise RuntimeError
        create(name, *rest, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("alembic.op.create_table", broken)
        open_database(url)
    engine = create_engine(url)
    assert set(inspect(engine).get_table_names()) == {"messages", "classes", "labels", "state", "alembic_version"}
    engine.dispose()
    engine = open_database(url)
    assert len(ids(engine)) == 2
    engine.dispose()
