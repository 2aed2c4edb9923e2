import os
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect
from sqlalchemy.engine import URL

from firstline.errors import ExtraMissing, StoreUnusable
from firstline.store import database
from firstline.store.database import SCHEMA_VERSION, open_database, writing
from firstline.store.schema import classes, metadata


def opened(path: Path) -> Engine:
    return open_database(URL.create("sqlite", database=str(path)))


def test_migrations_make_the_schema_that_the_code_knows(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db")
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


def test_a_migration_that_breaks_half_way_leaves_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched, pytest.raises(RuntimeError):
        patched.setattr("alembic.op.create_table", _break_at("labels"))
        opened(tmp_path / "a.db")
    engine = opened(tmp_path / "a.db")
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


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db")
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreUnusable, match=f"of version 9999; this Firstline knows {SCHEMA_VERSION}"):
        opened(tmp_path / "a.db")


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


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db")
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()
    with pytest.raises(StoreUnusable, match="already exists"):
        opened(tmp_path / "a.db")


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="unable to open"):
        opened(tmp_path / "absent" / "a.db")


@pytest.mark.parametrize("url", ["nonsense", "mysql://user@host/name", "oracle+x://", "postgresql://u:p@host:port/n"])
def test_an_address_that_is_none_is_an_error(url: str) -> None:
    with pytest.raises(StoreUnusable, match=r"'database\.url'"):
        open_database(url)


@pytest.mark.parametrize(
    "url", ["postgresql://user:secret@127.0.0.1:1/n", "postgresql+psycopg://user:secret@127.0.0.1:1/n"]
)
def test_postgresql_is_reached_by_psycopg_and_the_password_is_not_shown(url: str) -> None:
    with pytest.raises((ExtraMissing, StoreUnusable)) as caught:
        open_database(url)
    assert "secret" not in caught.value.message
    assert "psycopg" in caught.value.message or isinstance(caught.value, ExtraMissing)


def test_what_is_written_in_a_block_that_fails_is_undone(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db")
    with pytest.raises(RuntimeError), writing(engine) as connection:
        connection.execute(classes.insert(), {"name": "карта", "kind": "normal"})
        raise RuntimeError
    with engine.connect() as connection:
        assert connection.execute(classes.select()).all() == []
    engine.dispose()


def test_reading_goes_on_while_another_writes(tmp_path: Path) -> None:
    engine = opened(tmp_path / "a.db")
    with writing(engine) as connection:
        connection.execute(classes.insert(), {"name": "карта", "kind": "normal"})
        with engine.connect() as reading:
            assert reading.execute(classes.select()).all() == []
    engine.dispose()
