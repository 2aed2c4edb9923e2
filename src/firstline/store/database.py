"""The connection to the workspace database, at the version of the schema that this code knows."""

from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from firstline.errors import ExtraMissing, StoreUnusable

SCHEMA_VERSION = "0001"
_BUSY_TIMEOUT_MS = 30_000


def open_database(url: str) -> Engine:
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
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StoreUnusable(
            f"The database {engine.url.render_as_string()} cannot be used: {cause}.",
            "Check 'database.url' in firstline.toml, the file and the free space.",
        ) from error
    return engine


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
        engine = create_engine(parsed)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreUnusable(f"'database.url' is not a database address: {error}.", "See docs/settings.md.") from None
    except ModuleNotFoundError:
        raise ExtraMissing("A PostgreSQL database", "postgres") from None
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
