"""Engines for SQLite and PostgreSQL that behave alike in locking and in error messages."""

from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from firstline.errors import ExtraMissing, StoreUnusable, WorkspaceBusy

WRITES = "firstline_writes"
"""The execution option that marks a writing connection: True, or `ROWS`."""
ROWS = "rows"
"""A writing connection that on PostgreSQL locks only the rows that it changes."""
_BUSY_TIMEOUT_MS = 30_000
_ADDRESS = "Leave it empty, or write postgresql+psycopg://user:password@host/name"
_CONNECTING = {"connect_timeout": "10", "client_encoding": "UTF8"}
_POOL: dict[str, Any] = {"pool_size": 20, "max_overflow": 20, "pool_pre_ping": True, "pool_recycle": 600}
"""More than the console's threads need at once. A connection that the server has ended is replaced."""
_UNPREPARED = {"prepare_threshold": None}
"""A kept connection would hold prepared statements, which a proxy such as PgBouncer may not have."""
_GUESSES = ("Is the server running", "This probably means")
"""Beginnings of lines in which libpq guesses at a cause."""
_BUSY = ("SQLITE_BUSY", "55P03")
"""SQLite's and PostgreSQL's codes for a lock that was not released in time."""
_ABOUT_A_VALUE = "22"
"""Beginning of PostgreSQL's error codes whose messages may quote stored data."""
_WRITER_LOCK = 4_919_131_752
"""PostgreSQL's advisory lock of the writer: an arbitrary number, the same in every version of Firstline."""


def make_engine(url: str | URL, *, keeps_connections: bool = False) -> Engine:
    """An engine for the database at `url`, which need not exist yet.

    A server's connections are closed after each transaction, so that a training of hours keeps none open. With
    `keeps_connections` they stay open, for a process that asks many times a second.

    A reading transaction sees one snapshot; a writing one (`WRITES`) waits for other writers. Database errors become
    `StoreUnusable` or `WorkspaceBusy`, without the password, SQL or values. Only IntegrityError stays as it is, for
    callers that expect it. Raises `StoreUnusable` if `url` is not an address, and `ExtraMissing` if psycopg is not
    installed.
    """
    parsed = _parsed(url)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    try:
        # A parameter may be the text of a message, which must not appear in an error.
        if is_sqlite:
            engine = create_engine(parsed, hide_parameters=True)
        else:
            missing = {name: value for name, value in _CONNECTING.items() if name not in parsed.query}
            pool: dict[str, Any] = _POOL if keeps_connections else {"poolclass": NullPool}
            given = {**missing, **_UNPREPARED} if keeps_connections else missing
            engine = create_engine(parsed, hide_parameters=True, connect_args=given, **pool)
    except ImportError:
        raise ExtraMissing("A PostgreSQL database", "postgres") from None
    except (ArgumentError, NoSuchModuleError, TypeError) as error:
        raise StoreUnusable(f"'database.url' is not a database address: {error}.", _ADDRESS) from None
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite if is_sqlite else _begin_postgresql)
    event.listen(engine, "handle_error", _raise_in_words)
    return engine


def _parsed(url: str | URL) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUnusable("'database.url' is not a database address.", _ADDRESS) from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite" and parsed.drivername != "postgresql+psycopg":
        raise StoreUnusable(f"'database.url' names an unknown kind of database: {parsed.drivername}.", _ADDRESS)
    # If a password contains @, the rest of it would pass for the host and be shown in errors.
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}{parsed.query}":
        raise StoreUnusable("'database.url' has more than one @.", "In a password, write %40 for @ and %25 for %.")
    return parsed


def _raise_in_words(context: ExceptionContext) -> None:
    error = context.sqlalchemy_exception
    if error is None or context.engine is None or isinstance(error, IntegrityError) or context.is_pre_ping:
        return
    if any(getattr(context.original_exception, name, None) in _BUSY for name in ("sqlite_errorname", "sqlstate")):
        raise WorkspaceBusy(
            f"Another command is writing to the database {shown(context.engine.url)}.",
            "Wait until it has finished, then run this command again.",
        )
    raise unusable(context.engine.url, error)


def unusable(url: URL, error: SQLAlchemyError) -> StoreUnusable:
    """The error to raise if the database at `url` fails."""
    message = f"The database {shown(url)} cannot be used: {_cause(error)}."
    if url.get_backend_name() == "sqlite":
        return StoreUnusable(message, "Check 'database.url' in firstline.toml, the file and the free space.")
    return StoreUnusable(
        message,
        "Check that the server runs and has this database and this user, and that 'database.url' in firstline.toml or"
        " FIRSTLINE_DATABASE__URL is right.",
    )


def _cause(error: SQLAlchemyError) -> str:
    """The driver's message in one line. A server's details are left out, since they may quote a row."""
    cause = getattr(error, "orig", None) or error
    if str(getattr(cause, "sqlstate", None) or "").startswith(_ABOUT_A_VALUE):
        return type(cause).__name__
    message = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    lines = takewhile(lambda line: not line.startswith(_GUESSES), (line.strip() for line in message.splitlines()))
    return " ".join(lines).rstrip(".")


def shown(url: URL) -> str:
    """A database's address without its password, which may also be a parameter after the question mark."""
    return url.set(query={}).render_as_string()


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    """Configure a new connection. The driver's own transactions are off, since they exclude CREATE TABLE."""
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        # Overwrite deleted data, and keep sorting and rewriting out of temporary files.
        "secure_delete=ON",
        "temp_store=MEMORY",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    """One writer at a time, and readers that see one snapshot, as with SQLite."""
    writes = connection.get_execution_options().get(WRITES)
    if not writes:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    if writes == ROWS:
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_BUSY_TIMEOUT_MS}")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")
    connection.exec_driver_sql("SET LOCAL lock_timeout = DEFAULT")
