from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from firstline.backup.tables import copy_tables, digests, has_rows
from firstline.errors import StoreUnusable
from firstline.store.database import open_database, writing
from firstline.store.messages import StoredMessage, write_state
from firstline.store.workspace import Workspace
from tests.postgres import NewDatabase
from tests.unit.store.filling import everything, take_in


@pytest.fixture
def filled(place: Workspace) -> Iterator[Engine]:
    yield place.database
    place.database.dispose()


@pytest.fixture
def target(new_database: NewDatabase) -> Iterator[Engine]:
    made = open_database(new_database())
    yield made
    made.dispose()


def copy(source: Engine, target: Engine) -> None:
    with source.connect() as old, writing(target) as new:
        copy_tables(old, new)


def test_all_rows_arrive_and_ids_continue_after_them(filled: Engine, target: Engine) -> None:
    copy(filled, target)
    assert everything(target) == everything(filled)
    with filled.connect() as one, target.connect() as other:
        assert digests(one) == digests(other)
    tally = take_in(target, StoredMessage("новое сообщение", None, "9", label="Новый класс"))
    assert tally.n_new == 1


def test_named_values_are_replaced(filled: Engine, target: Engine) -> None:
    with writing(target) as connection:
        write_state(connection, "key", "of another workspace")
        assert not has_rows(connection)
    copy(filled, target)
    with filled.connect() as one, target.connect() as other:
        assert digests(one)["state"] == digests(other)["state"]
        assert has_rows(other)


def test_another_text_gives_another_digest(filled: Engine, place: Workspace) -> None:
    with filled.connect() as connection:
        before = digests(connection)
    with writing(filled) as connection:
        connection.exec_driver_sql("UPDATE messages SET text = text || '!' WHERE id = 1")
    with filled.connect() as connection:
        after = digests(connection)
    assert {name for name in before if before[name] != after[name]} == {"messages"}


def test_a_row_that_is_refused_is_not_quoted(filled: Engine, tmp_path: Path) -> None:
    broken = open_database(f"sqlite:///{tmp_path / 'broken.db'}")
    with writing(broken) as connection:
        connection.exec_driver_sql("INSERT INTO classes (id, name, kind) VALUES (1, 'тайна', 'normal')")
    with pytest.raises(StoreUnusable, match="refuses a row") as raised:
        copy(filled, broken)
    assert "Карта" not in raised.value.message + raised.value.next_step
    broken.dispose()
