"""The connection to the workspace database, at the version of the schema that this code knows."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError

from firstline.errors import StoreUnusable, WorkspaceError
from firstline.store.engine import WRITES, make_engine, unusable

SCHEMA_VERSION = "0002"


def open_database(url: str | URL) -> Engine:
    """An engine on the database at `url`, its schema upgraded where this code is newer.

    Raises `StoreUnusable` where it cannot be reached, is damaged, or is newer than this code.
    """
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            _require_utf8(connection)
            found = _version(connection)
        if found != SCHEMA_VERSION:
            if found is not None and found > SCHEMA_VERSION:
                raise StoreUnusable(
                    f"The database is of version {found}; this Firstline knows {SCHEMA_VERSION}.",
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
    """A connection in one transaction, which is kept if the block ends well and undone otherwise.

    It takes a lock at the start, so that another writer is waited for, 30 seconds, and never met half-way.
    Raises `StoreUnusable` if the database fails, and `WorkspaceBusy` if the other writer is not done by then.
    """
    return engine.execution_options(**{WRITES: True}).begin()


@contextmanager
def rehearsing(engine: Engine) -> Iterator[Connection]:
    """A connection as `writing` gives, whose transaction is undone in any case."""
    with engine.execution_options(**{WRITES: True}).connect() as connection, connection.begin() as transaction:
        try:
            yield connection
        finally:
            transaction.rollback()


def _require_utf8(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    found = connection.execute(text("SHOW server_encoding")).scalar()
    if found != "UTF8":
        raise StoreUnusable(
            f"The database {connection.engine.url.database} has the encoding {found}; Firstline needs UTF8.",
            "Make another: createdb --encoding UTF8 --template template0 NAME",
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
