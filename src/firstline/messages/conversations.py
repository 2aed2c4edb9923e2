"""Conversations: keep what the writer sent before the first reply from support.

A reply answers something, so what support sends before the writer's first message (a greeting, a
bot's question) does not count as one. Rows of a conversation may be anywhere in a file: they are
collected, masked, in a temporary database that is removed at the end.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from firstline.errors import ColumnMissing, FileUnreadable
from firstline.messages.incoming import Incoming, agent_names, is_agent
from firstline.messages.records import Reject
from firstline.store.private import make_private, temporary_folder

_BATCH = 10_000
_MOST_WRITERS = 10_000
"""More are not counted."""
_Row = tuple[str, int, str, str | None, str | None, str | None, bool, bool, str | None]
"""Conversation, line, text, segment, label, time, whether support wrote it, whether it was cut, who labelled it. No
author is kept.
"""

_SCHEMA = """
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;
CREATE TABLE row (
    conversation, line, text, segment, label, sent_at, is_agent, is_cut, labelled_by, place INTEGER,
    PRIMARY KEY (conversation, line, place)
) WITHOUT ROWID
"""


def join_conversations(
    rows: Iterable[Incoming | Reject],
    agent_values: Sequence[str],
    temporary: Path | None = None,
    author_column: str = "author",
) -> Iterator[Incoming | Reject]:
    """One message for each conversation, in the order in which they begin in the file.

    Messages are ordered by time if all of a conversation have one, otherwise by their lines. They are collected
    in a folder in `temporary`, or in memory without one. Raises `ColumnMissing` if no row at all is by one of
    `agent_values`: then replies would pass for customers' words. Raises `FileUnreadable` if there is no room.
    """
    agents = agent_names(agent_values)
    with _spool(temporary) as spool:
        writers = _Writers()
        yield from _gather(spool, rows, agents, writers)
        _require_agents(spool, agent_values, writers, author_column)
        yield from _joined(spool)


@contextmanager
def _spool(temporary: Path | None) -> Iterator[sqlite3.Connection]:
    """A database that is gone at the end. Raises `FileUnreadable`."""
    try:
        if temporary is None:
            with closing(sqlite3.connect(":memory:")) as spool:
                spool.executescript(_SCHEMA)
                yield spool
            return
        with temporary_folder(temporary) as folder:
            file = folder / "conversations.db"
            make_private(file)
            with closing(sqlite3.connect(file)) as spool:
                spool.executescript(_SCHEMA)
                yield spool
    except sqlite3.Error as error:
        raise FileUnreadable(
            f"The conversations cannot be put together: {error}.",
            f"They are collected in {temporary}: free some space there." if temporary else "They are kept in memory.",
        ) from None


class _Writers:
    """Counts who wrote, for an error if none of them is support. Names are in memory only, a bounded number."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def add(self, author: str | None) -> None:
        if author is not None and len(self._names) <= _MOST_WRITERS:
            self._names.add(author.casefold())

    def __str__(self) -> str:
        """`2 writers`."""
        number = len(self._names)
        if number > _MOST_WRITERS:
            return f"more than {_MOST_WRITERS:,} writers"
        return f"{number:,} writer{'' if number == 1 else 's'}"


def _gather(
    spool: sqlite3.Connection, rows: Iterable[Incoming | Reject], agents: Collection[str], writers: _Writers
) -> Iterator[Reject]:
    batch: list[tuple[object, ...]] = []
    for place, row in enumerate(rows):
        if isinstance(row, Reject):
            yield row
            continue
        writers.add(row.author)
        batch.append((*_spooled(row, agents), place))
        if len(batch) >= _BATCH:
            _write(spool, batch)
    _write(spool, batch)


def _spooled(row: Incoming, agents: Collection[str]) -> _Row:
    moment = row.sent_at.isoformat() if row.sent_at else None
    is_support = is_agent(row.author, agents)
    return (
        row.conversation or "",
        row.line,
        row.text,
        row.segment,
        row.label,
        moment,
        is_support,
        row.is_cut,
        row.labelled_by,
    )


def _write(spool: sqlite3.Connection, batch: list[tuple[object, ...]]) -> None:
    spool.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", batch)
    batch.clear()


def _require_agents(
    spool: sqlite3.Connection, agent_values: Sequence[str], writers: _Writers, author_column: str
) -> None:
    n_rows, n_by_agents = spool.execute("SELECT count(*), total(is_agent) FROM row").fetchone()
    if n_rows and not n_by_agents:
        raise ColumnMissing(
            f"None of the {n_rows:,} messages is by {' or '.join(agent_values)};"
            f" see column '{author_column}', which names {writers}.",
            "Name those that mean support, as they stand in that column: --agent-values NAME,NAME",
        )


def _joined(spool: sqlite3.Connection) -> Iterator[Incoming | Reject]:
    begun = spool.execute("SELECT conversation, min(line) AS first FROM row GROUP BY conversation ORDER BY first")
    for conversation, _ in begun:
        # By the primary key, so that nothing is sorted that would need room.
        of_one = spool.execute("SELECT * FROM row WHERE conversation = ? ORDER BY line, place", (conversation,))
        rows: list[_Row] = [row[:-1] for row in of_one]
        if all(row[5] is not None for row in rows):
            rows.sort(key=lambda row: (row[5], row[1]))
        yield from _one(rows)


def _one(rows: list[_Row]) -> Iterator[Incoming | Reject]:
    """The writer's message of one conversation, once for each of its labels."""
    line = min(row[1] for row in rows)
    written: list[_Row] = []
    for row in rows:
        if not row[6]:
            written.append(row)
        elif written:
            break
    text = "\n".join(row[2] for row in written if row[2])
    if not text:
        yield Reject(line, "the writer sent no text before the first reply", rows[0][0])
        return
    labels: dict[str | None, str | None] = {}
    for row in rows:
        if row[4] and not labels.get(row[4]):
            labels[row[4]] = row[8]
    segment = next((row[3] for row in rows if row[3]), None)
    moment = written[0][5]
    for label, labelled_by in (labels or {None: None}).items():
        yield Incoming(
            line=line,
            text=text,
            external_id=rows[0][0],
            label=label,
            segment=segment,
            sent_at=datetime.fromisoformat(moment) if moment else None,
            conversation=rows[0][0],
            is_cut=any(row[7] for row in written),
            labelled_by=labelled_by,
        )
