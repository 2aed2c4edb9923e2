"""Copies the tables of a workspace from one database to another: SQLite, PostgreSQL, either way."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, Table, exists, func, select, text
from sqlalchemy.exc import IntegrityError

from firstline.errors import StoreUnusable
from firstline.store.engine import shown
from firstline.store.schema import metadata, sessions, sign_ins, state

LEFT_OUT = (sessions, sign_ins)
"""Tables whose rows are in no copy: who is signed in now, and who failed to. Users are copied."""
_COPIED = [table for table in metadata.sorted_tables if table not in LEFT_OUT]
_AT_ONCE = 1_000
_DIGEST_BYTES = 16


def copy_tables(source: Connection, target: Connection) -> None:
    """Copy the rows into tables that `has_rows` calls empty, in the caller's transactions; not those of `LEFT_OUT`.

    Both databases have the schema of this version. Raises `StoreUnusable` if the target refuses a row.
    """
    target.execute(state.delete())
    try:
        for table in _COPIED:
            for rows in _partitions(source, table):
                target.execute(table.insert(), [dict(zip(table.c.keys(), row, strict=True)) for row in rows])
            _continue_ids(target, table)
    except IntegrityError:
        # Its own text may quote a row.
        raise StoreUnusable(
            f"The database {shown(target.engine.url)} refuses a row of the other: an id or a key occurs twice, or a row"
            " is missing.",
            "Check the database that the messages come from.",
        ) from None


def has_rows(connection: Connection) -> bool:
    """Whether any table has rows. Named values, which `firstline init` writes, do not count."""
    tables = [table for table in metadata.sorted_tables if table is not state]
    return any(connection.execute(select(exists(select(table)))).scalar_one() for table in tables)


def digests(connection: Connection) -> dict[str, int]:
    """A hash of the content of each table that is copied, whatever the order of its rows."""
    return {table.name: _digest(connection, table) for table in _COPIED}


def _digest(connection: Connection, table: Table) -> int:
    total = 0
    for rows in _partitions(connection, table):
        for row in rows:
            total += int.from_bytes(blake2b(repr(tuple(row)).encode(), digest_size=_DIGEST_BYTES).digest())
    return total % (1 << 8 * _DIGEST_BYTES)


def _partitions(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    with connection.execute(select(table).execution_options(yield_per=_AT_ONCE)) as rows:
        yield from rows.partitions()


def _continue_ids(connection: Connection, table: Table) -> None:
    """Let PostgreSQL count on after the copied ids; SQLite does by itself."""
    if connection.dialect.name != "postgresql" or "id" not in table.c:
        return
    sequence = text(f"SELECT pg_get_serial_sequence('{table.name}', 'id')")
    name = connection.execute(sequence).scalar()
    if name is not None:
        most = connection.execute(select(func.max(table.c.id))).scalar()
        connection.execute(select(func.setval(name, most or 1, most is not None)))
