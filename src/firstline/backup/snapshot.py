"""The database as it is at one moment, in a SQLite file of its own. Commands that write meanwhile are not held up."""

import sqlite3
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sqlalchemy.engine import URL

from firstline.backup.tables import LEFT_OUT, copy_tables
from firstline.errors import FileUnwritable, StoreUnusable
from firstline.store.database import open_database, writing
from firstline.store.workspace import DATABASE_FILE, Workspace

_WAIT_S = 30.0
_NOT_WRITTEN = ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC")


@dataclass(frozen=True)
class Snapshot:
    """A copy of the database: the version of its schema, empty if it has no tables, and its number of messages."""

    schema: str
    n_messages: int


def take_snapshot(place: Workspace, file: Path) -> Snapshot:
    """Copy the workspace's database into `file`, which exists and is empty. Sessions and sign-ins are left out.

    A SQLite file is copied with the schema that it has; a PostgreSQL database is upgraded first, as by any command.
    Raises `StoreUnusable` if it cannot be read or is damaged, and `FileUnwritable` if there is no space for the copy.
    """
    if place.settings.database.url:
        _copy_server(place, file)
    else:
        _copy_file(place.folder / DATABASE_FILE, file)
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            # Otherwise its last rows may lie in a second file.
            copy.execute("PRAGMA journal_mode=DELETE")
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise StoreUnusable(
                    f"The database of {place.folder} is damaged, so no backup was made.",
                    "Restore the last good one: docs/operations.md",
                )
            tables = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            schema = copy.execute("SELECT version_num FROM alembic_version") if "alembic_version" in tables else None
            found = schema.fetchone() if schema else None
            _leave_out(copy, tables)
            n_messages = copy.execute("SELECT count(*) FROM messages").fetchone()[0] if "messages" in tables else 0
    except sqlite3.Error as error:
        raise _in_words(place.folder / DATABASE_FILE, file, error) from None
    return Snapshot(found[0] if found else "", n_messages)


def _copy_file(source: Path, file: Path) -> None:
    try:
        with closing(_open_to_read(source)) as database, closing(sqlite3.connect(file)) as copy:
            # All pages in one step: in several, each write of another command would start it again.
            database.backup(copy)
    except sqlite3.Error as error:
        raise _in_words(source, file, error) from None


def _open_to_read(source: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(source.resolve()))}"
    log = source.with_name(f"{source.name}-wal")
    try:
        # A connection that may only read would leave the files that readers and writers share.
        return _opened(f"{address}?mode=rw")
    except sqlite3.OperationalError:
        # In a read-only folder SQLite cannot make them. Without rows in the log it does not need them.
        if log.exists() and log.stat().st_size:
            raise
        return _opened(f"{address}?mode=ro&immutable=1")


def _opened(address: str) -> sqlite3.Connection:
    database = sqlite3.connect(address, uri=True, timeout=_WAIT_S)
    try:
        database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        database.close()
        raise
    return database


def _leave_out(copy: sqlite3.Connection, tables: Collection[str]) -> None:
    """Delete the rows that a backup must not have, and overwrite them in the file."""
    copy.execute("PRAGMA secure_delete=ON")
    for name in {table.name for table in LEFT_OUT}.intersection(tables):
        copy.execute(f"DELETE FROM {name}")  # noqa: S608 (the name is that of a table of ours)


def _copy_server(place: Workspace, file: Path) -> None:
    copy = open_database(URL.create("sqlite", database=str(file)))
    try:
        # A reading transaction sees one moment.
        with place.database.connect() as source, writing(copy) as target:
            copy_tables(source, target)
    finally:
        copy.dispose()
        place.database.dispose()


def _in_words(source: Path, file: Path, error: sqlite3.Error) -> StoreUnusable | FileUnwritable:
    if getattr(error, "sqlite_errorname", "") in _NOT_WRITTEN:
        return FileUnwritable(
            f"The copy of the database cannot be written to {file.parent}: {error}.",
            "Free some space there, or name a file on another disk.",
        )
    return StoreUnusable(
        f"The database {source} cannot be read: {error}.", "Check the file, its permissions and the free space."
    )
