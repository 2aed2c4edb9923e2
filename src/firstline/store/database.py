"""Connections to the workspace database, with its schema at the version of this code."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from firstline.errors import StoreUnusable, WorkspaceError
from firstline.store.engine import ROWS, WRITES, make_engine, unusable

SCHEMA_VERSION = "0006"
_MOST_COPIED_BYTES = 256_000_000
"""A rehearsal on a larger SQLite file locks out other writers."""


def open_database(url: str | URL, *, keeps_connections: bool = False) -> Engine:
    """Open the database at `url`, and upgrade its schema if this code is newer; see `make_engine`.

    Raises `StoreUnusable` if it cannot be reached, is damaged, or is newer than this code.
    """
    engine = make_engine(url, keeps_connections=keeps_connections)
    try:
        with engine.connect() as connection:
            _require_utf8(connection)
            found = _version(connection)
        if found != SCHEMA_VERSION:
            if found is not None and found > SCHEMA_VERSION:
                raise StoreUnusable(
                    f"The database has schema version {found}; this Firstline knows {SCHEMA_VERSION}.",
                    "Upgrade Firstline.",
                )
            _upgrade(engine)
    except WorkspaceError:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable(engine.url, error) from error
    return engine


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A connection in one transaction: committed if the block succeeds, rolled back if it raises.

    It locks out other writers from the start, and waits up to 30 seconds for one that is active. Raises
    `StoreUnusable` if the database fails, and `WorkspaceBusy` if the other writer takes longer.
    """
    return engine.execution_options(**{WRITES: True}).begin()


def writing_rows(engine: Engine) -> AbstractContextManager[Connection]:
    """Like `writing`, but on PostgreSQL it neither waits for the writer of messages nor keeps others from writing."""
    return engine.execution_options(**{WRITES: ROWS}).begin()


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """Like `writing`, but the transaction is always rolled back.

    SQLite has one writer, and a rehearsal may take half a minute. So up to 256 MB it runs on a copy in memory, and
    nobody waits for it.
    """
    with ExitStack() as stack:
        connection = _copied(engine, stack)
        if connection is None:
            connection = stack.enter_context(engine.execution_options(**{WRITES: True}).connect())
        transaction = stack.enter_context(connection.begin())
        try:
            yield connection
        finally:
            transaction.rollback()


def _copied(engine: Engine, stack: ExitStack) -> Connection | None:
    """A connection to a copy in memory, which `stack` closes; None for a server, a large file or one that fails."""
    file = Path(engine.url.database or "")
    if engine.dialect.name != "sqlite" or not file.is_file() or file.stat().st_size > _MOST_COPIED_BYTES:
        return None
    memory = make_engine("sqlite://")
    stack.callback(memory.dispose)
    connection = stack.enter_context(memory.connect())
    with engine.connect() as source, suppress(sqlite3.Error):
        _driver(source).backup(_driver(connection))
        return connection
    return None


def _driver(connection: Connection) -> sqlite3.Connection:
    found = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)  # noqa: S101 (the caller has seen that it is SQLite)
    return found


def _require_utf8(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    found = connection.execute(text("SHOW server_encoding")).scalar()
    if found != "UTF8":
        raise StoreUnusable(
            f"The database {connection.engine.url.database} has the encoding {found}; Firstline needs UTF8.",
            "Create another: createdb --encoding UTF8 --template template0 NAME",
        )


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
