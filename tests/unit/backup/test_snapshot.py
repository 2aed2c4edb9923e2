import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from firstline.backup.snapshot import take_snapshot
from firstline.errors import StoreUnusable
from firstline.store.database import SCHEMA_VERSION, writing
from firstline.store.schema import sign_ins
from firstline.store.sessions import begin_session, digest_of
from firstline.store.users import add_user
from firstline.store.workspace import Workspace
from tests.backups import fill
from tests.postgres import workspace_on
from tests.unit.store.test_migrations import fill_old_database


def texts(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as database:
        return sorted(text for (text,) in database.execute("SELECT text FROM messages"))


def test_a_file_is_copied_whole_while_another_command_writes(place: Workspace, tmp_path: Path) -> None:
    with writing(place.database) as connection:
        connection.exec_driver_sql("DELETE FROM labels")
        connection.exec_driver_sql("DELETE FROM messages")
        found = take_snapshot(place, tmp_path / "copy.db")
    place.database.dispose()
    assert (found.schema, found.n_messages, len(texts(tmp_path / "copy.db"))) == (SCHEMA_VERSION, 3, 3)
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]
    assert sorted(path.name for path in place.folder.glob("firstline.db*")) == ["firstline.db"]


def test_committed_rows_that_are_not_in_the_main_file_yet_are_copied(place: Workspace, tmp_path: Path) -> None:
    with place.database.connect():
        with writing(place.database) as connection:
            connection.exec_driver_sql("UPDATE messages SET text = 'только что'")
        assert (place.folder / "firstline.db-wal").stat().st_size > 0
        take_snapshot(place, tmp_path / "copy.db")
    place.database.dispose()
    assert texts(tmp_path / "copy.db") == ["только что"] * 3


def test_a_server_is_copied_into_a_file(prepared: URL, tmp_path: Path) -> None:
    place = workspace_on(prepared, tmp_path / "bank")
    fill(place)
    found = take_snapshot(place, tmp_path / "copy.db")
    assert (found.schema, found.n_messages, len(texts(tmp_path / "copy.db"))) == (SCHEMA_VERSION, 3, 3)
    assert sorted(path.name for path in tmp_path.glob("copy.db*")) == ["copy.db"]


@pytest.mark.parametrize("kind", ["file", "server"])
def test_who_is_signed_in_is_not_copied(kind: str, prepared: URL, tmp_path: Path) -> None:
    place = workspace_on(prepared, tmp_path / "bank") if kind == "server" else Workspace.create(tmp_path / "bank", "ru")
    with writing(place.database) as connection:
        user = add_user(connection, "ada", "admin", "$argon2id$of-ada")
        token = begin_session(connection, user.id)
        connection.execute(sign_ins.insert().values(account=b"a" * 16, address=b"b" * 16, n_failures=3))
    take_snapshot(place, tmp_path / "copy.db")
    place.database.dispose()
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        counts = [copy.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("sessions", "sign_ins")]
        assert counts == [0, 0]
        assert copy.execute("SELECT name, password_hash FROM users").fetchall() == [("ada", "$argon2id$of-ada")]
    assert digest_of(token) not in (tmp_path / "copy.db").read_bytes()


def test_an_old_database_stays_as_it_is(place: Workspace, tmp_path: Path) -> None:
    file = place.folder / "firstline.db"
    file.unlink()
    fill_old_database(URL.create("sqlite", database=str(file)), [("где карта", None, "1", ("Карта",))])
    before = file.read_bytes()
    found = take_snapshot(place, tmp_path / "copy.db")
    assert (found.schema, found.n_messages) == ("0001", 1)
    assert file.read_bytes() == before


def test_a_damaged_database_is_not_backed_up(place: Workspace, tmp_path: Path) -> None:
    file = place.folder / "firstline.db"
    content = bytearray(file.read_bytes())
    content[4096 : 4096 * 4] = bytes(4096 * 3)
    file.write_bytes(content)
    with pytest.raises(StoreUnusable, match=r"is damaged|cannot be read"):
        take_snapshot(place, tmp_path / "copy.db")


def test_a_file_that_is_no_database_is_refused(place: Workspace, tmp_path: Path) -> None:
    (place.folder / "firstline.db").write_bytes(b"x" * 8192)
    with pytest.raises(StoreUnusable, match=r"firstline\.db cannot be read: file is not a database"):
        take_snapshot(place, tmp_path / "copy.db")


def test_an_empty_database_has_no_schema(place: Workspace, tmp_path: Path) -> None:
    (place.folder / "firstline.db").write_bytes(b"")
    found = take_snapshot(place, tmp_path / "copy.db")
    assert (found.schema, found.n_messages) == ("", 0)


def test_a_file_in_a_read_only_folder_is_copied(
    place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect

    def refuse(address: object, **options: Any) -> sqlite3.Connection:
        """As SQLite does if it can write no file next to the database."""
        if "mode=rw" in str(address):
            return connect("file:absent.db?mode=ro", uri=True)
        return connect(str(address), **options)

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert take_snapshot(place, tmp_path / "copy.db").n_messages == 3
