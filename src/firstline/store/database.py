"""The connection to the workspace database, at the version of the schema that this code knows."""

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from firstline.errors import ExtraMissing, StoreUnusable

SCHEMA_VERSION = "0001"
_BUSY_TIMEOUT_MS = 30_000
_WRITES = "firstline_writes"
_ADDRESS = "Leave it empty, or write postgresql+psycopg://user:password@host/name"


def open_database(url: str | URL) -> Engine:
    """An engine on the database at `url`, its schema upgraded where this code is newer.

    Raises `StoreUnusable` where it cannot be reached, is damaged, or is newer than this code.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            found = _version(connection)
        if found != SCHEMA_VERSION:
            if found is not None and found > SCHEMA_VERSION:
                raise StoreUnusable(
                    f"The database is of version {found}; this Firstline knows {SCHEMA_VERSION}.",
                    "Upgrade Firstline.",
                )
            _upgrade(engine)
    except StoreUnusable:
        engine.dispose()
        raise
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreUnusable(
            f"The database {engine.url.render_as_string()} cannot be used: {cause_of(error)}.",
            "Check 'database.url' in firstline.toml, the file and the free space.",
        ) from error
    return engine


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """A connection in one transaction, which is kept if the block ends well and undone otherwise.

    SQLite takes its lock at the start, so that another writer is waited for and never met half-way.
    """
    return engine.execution_options(**{_WRITES: True}).begin()


def cause_of(error: SQLAlchemyError) -> str:
    """What the driver says, if it speaks of the database itself; else only the kind of error.

    PostgreSQL quotes values of the data in what it says of a row.
    """
    cause = getattr(error, "orig", None)
    if cause is None:
        return type(error).__name__
    if isinstance(cause, sqlite3.Error) or (isinstance(error, OperationalError) and error.statement is None):
        return str(cause).strip().rstrip(".")
    return type(cause).__name__


def _engine(url: str | URL) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnusable("'database.url' is not a database address.", _ADDRESS) from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreUnusable(f"'database.url' names a database that is not known: {parsed.drivername}.", _ADDRESS)
    try:
        engine = create_engine(parsed, hide_parameters=True)
    except ModuleNotFoundError:
        raise ExtraMissing("A PostgreSQL database", "postgres") from None
    except (ArgumentError, NoSuchModuleError, TypeError) as error:
        raise StoreUnusable(f"'database.url' is not a database address: {error}.", _ADDRESS) from None
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    """Settings of a new connection; the driver's own transactions are off, since they leave out CREATE TABLE."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        # What it sorts would go to the system's temporary folder otherwise.
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


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
