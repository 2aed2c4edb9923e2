import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import format_exception

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.engine import URL

from firstline.errors import StoreUnusable, WorkspaceBusy
from firstline.store import database
from firstline.store.database import SCHEMA_VERSION, open_database, rehearsing, writing
from firstline.store.intake import Intake
from firstline.store.messages import StoredMessage, count_messages
from firstline.store.schema import classes, metadata
from tests.postgres import NewDatabase


def opened(path: Path) -> Engine:
    return open_database(URL.create("sqlite", database=str(path)))


def test_migrations_make_the_schema_that_the_code_knows(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_version_of_the_code_is_the_last_migration() -> None:
    scripts = ScriptDirectory(str(Path(database.__file__).parent / "migrations"))
    assert scripts.get_current_head() == SCHEMA_VERSION


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    opened(tmp_path / "a.db").dispose()
    before = (tmp_path / "a.db").read_bytes()
    opened(tmp_path / "a.db").dispose()
    assert (tmp_path / "a.db").read_bytes() == before


def test_a_migration_that_breaks_half_way_leaves_no_table(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database("empty")
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("alembic.op.create_table", _break_at("labels"))
        open_database(url)
    engine = open_database(url)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
    engine.dispose()


def _break_at(name: str) -> object:
    from alembic import op

    create = op.create_table

    def create_table(table: str, *rest: object, **options: object) -> None:
        if table == name:
            raise RuntimeError
        create(table, *rest, **options)  # type: ignore[arg-type]

    return create_table


def test_a_newer_database_is_refused(new_database: NewDatabase) -> None:
    url = new_database()
    engine = open_database(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreUnusable, match=f"schema version 9999; this Firstline knows {SCHEMA_VERSION}"):
        open_database(url)


@pytest.mark.parametrize("content", [b"not a database at all" * 99, os.urandom(20_000)])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(StoreUnusable, match="file is not a database"):
        opened(tmp_path / "a.db")


def test_a_file_damaged_behind_its_head_is_refused(tmp_path: Path) -> None:
    opened(tmp_path / "a.db").dispose()
    content = (tmp_path / "a.db").read_bytes()
    (tmp_path / "a.db").write_bytes(content[:100] + os.urandom(len(content) - 100))
    with pytest.raises(StoreUnusable):
        opened(tmp_path / "a.db")


def test_a_database_of_something_else_is_refused(new_database: NewDatabase) -> None:
    url = new_database()
    engine = open_database(url)
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()
    with pytest.raises(StoreUnusable, match="already exists"):
        open_database(url)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="unable to open"):
        opened(tmp_path / "absent" / "a.db")


def test_what_is_written_in_a_block_that_fails_is_undone(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(classes.insert(), {"name": "карта", "kind": "normal"})
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(classes.select()).all() == []
    engine.dispose()


def test_reading_goes_on_while_another_writes(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with writing(engine) as connection:
        connection.execute(classes.insert(), {"name": "карта", "kind": "normal"})
        with engine.connect() as reading:
            assert reading.execute(classes.select()).all() == []
    engine.dispose()


def test_a_reader_sees_one_moment(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with engine.connect() as reading:
        before = count_messages(reading)
        add(engine, "раз")
        assert count_messages(reading) == before
    with engine.connect() as reading:
        assert count_messages(reading) == before + 1
    engine.dispose()


def test_writers_wait_for_each_other(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with ThreadPoolExecutor(1) as pool:
        with writing(engine) as connection:
            Intake(connection, "a.csv", "crm").add([StoredMessage("раз")])
            second = pool.submit(add, engine, "раз")
            with pytest.raises(TimeoutError):
                second.result(timeout=0.2)
        second.result(timeout=20)
    with engine.connect() as connection:
        assert count_messages(connection) == 1
    engine.dispose()


def test_a_writer_that_is_not_done_in_time_is_named(new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.store.engine._BUSY_TIMEOUT_MS", 50)
    engine = open_database(new_database())
    with (
        writing(engine),
        pytest.raises(WorkspaceBusy, match="Another command is writing to the database"),
        writing(engine),
    ):
        pass
    engine.dispose()


def test_an_error_holds_no_value(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    # In two halves, since a traceback shows the lines of this test.
    said = {"said": "тай" + "на"}
    with pytest.raises(StoreUnusable) as caught, engine.connect() as connection:
        connection.execute(text("SELECT nothing FROM messages WHERE text = :said"), said)
    assert "nothing" in caught.value.message
    assert "тайна" not in "".join(format_exception(caught.value))
    engine.dispose()


def add(engine: Engine, said: str) -> None:
    with writing(engine) as connection:
        Intake(connection, "a.csv", "crm").add([StoredMessage(said)])


def test_a_rehearsal_sees_what_it_writes_and_leaves_nothing(new_database: NewDatabase) -> None:
    engine = open_database(new_database())
    with writing(engine) as connection:
        connection.execute(classes.insert().values(name="Карта", kind="normal"))
    with rehearsing(engine) as connection:
        connection.execute(classes.insert().values(name="Вход", kind="normal"))
        assert set(connection.execute(classes.select()).scalars(1)) == {"Карта", "Вход"}
    with engine.connect() as connection:
        assert connection.execute(classes.select()).scalars(1).all() == ["Карта"]
    engine.dispose()


@pytest.mark.parametrize(("most_bytes", "is_held_up"), [(256_000_000, False), (0, True)])
def test_others_write_during_a_rehearsal_on_a_small_file(
    most_bytes: int, is_held_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_MOST_COPIED_BYTES", most_bytes)
    engine = opened(tmp_path / "a.db")
    with rehearsing(engine):
        other = sqlite3.connect(tmp_path / "a.db", timeout=0, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            assert not is_held_up
        except sqlite3.OperationalError:
            assert is_held_up
        finally:
            other.close()
    engine.dispose()
