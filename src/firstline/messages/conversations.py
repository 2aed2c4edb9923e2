"""Conversations: keep what the writer sent before the first reply from support.

A reply answers something, so what support sends before the writer's first message (a greeting, a
bot's question) does not count as one. Rows of a conversation may lie anywhere in a file: they are
gathered, masked, in a private temporary database that vanishes with the process.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from firstline.errors import ColumnMissing, FileUnreadable
from firstline.messages.incoming import Incoming, agent_names, is_agent
from firstline.messages.records import Reject

_BATCH = 10_000
_Row = tuple[str, int, str, str | None, str | None, str | None, str | None, bool]


def join_conversations(rows: Iterable[Incoming | Reject], agent_values: Iterable[str]) -> Iterator[Incoming | Reject]:
    """One message for each conversation, in the order in which they begin in the file.

    Messages are ordered by time where all of a conversation have one, else as they stand. Raises
    `ColumnMissing` if no row at all is by one of `agent_values`: then replies would pass for
    customers' words. Raises `FileUnreadable` if there is no room for the temporary database.
    """
    agents = agent_names(agent_values)
    with closing(sqlite3.connect("")) as spool:
        try:
            yield from _gather(spool, rows)
            _require_agents(spool, agents)
            yield from _joined(spool, agents)
        except sqlite3.Error as error:
            raise FileUnreadable(
                f"The conversations cannot be put together: {error}.",
                "They are gathered where temporary files go: make room there, or set SQLITE_TMPDIR to another folder.",
            ) from None


def _gather(spool: sqlite3.Connection, rows: Iterable[Incoming | Reject]) -> Iterator[Reject]:
    spool.execute("CREATE TABLE row (conversation, line, text, segment, label, sent_at, author, is_cut)")
    batch: list[_Row] = []
    for row in rows:
        if isinstance(row, Reject):
            yield row
            continue
        batch.append(_spooled(row))
        if len(batch) >= _BATCH:
            _write(spool, batch)
    _write(spool, batch)


def _spooled(row: Incoming) -> _Row:
    moment = row.sent_at.isoformat() if row.sent_at else None
    return (row.conversation or "", row.line, row.text, row.segment, row.label, moment, row.author, row.is_cut)


def _write(spool: sqlite3.Connection, batch: list[_Row]) -> None:
    spool.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?)", batch)
    batch.clear()


def _require_agents(spool: sqlite3.Connection, agents: Collection[str]) -> None:
    shown: list[str] = []
    for (author,) in spool.execute("SELECT DISTINCT author FROM row ORDER BY rowid"):
        if is_agent(author, agents):
            return
        if len(shown) < 10:
            shown.append(author or "(nobody)")
    if shown:
        raise ColumnMissing(
            f"No message is by {' or '.join(sorted(agents))}; the first authors are: {', '.join(shown)}.",
            "Name the values that mean support: --agent-values agent,operator",
        )


def _joined(spool: sqlite3.Connection, agents: Collection[str]) -> Iterator[Incoming | Reject]:
    ordered = spool.execute(
        "SELECT row.* FROM row JOIN (SELECT conversation, min(line) AS first FROM row GROUP BY conversation)"
        " AS begun ON row.conversation IS begun.conversation ORDER BY begun.first, row.line"
    )
    for _, group in groupby(ordered, key=itemgetter(0)):
        rows: list[_Row] = list(group)
        if all(row[5] is not None for row in rows):
            rows.sort(key=lambda row: (row[5], row[1]))
        yield from _one(rows, agents)


def _one(rows: list[_Row], agents: Collection[str]) -> Iterator[Incoming | Reject]:
    """The writer's message of one conversation, once for each of its labels."""
    line = min(row[1] for row in rows)
    written: list[_Row] = []
    for row in rows:
        if not is_agent(row[6], agents):
            written.append(row)
        elif written:
            break
    text = "\n".join(row[2] for row in written if row[2])
    if not text:
        yield Reject(line, "the writer sent no text before the first reply")
        return
    labels = dict.fromkeys(row[4] for row in rows if row[4]) or (None,)
    segment = next((row[3] for row in rows if row[3]), None)
    moment = written[0][5]
    for label in labels:
        yield Incoming(
            line=line,
            text=text,
            external_id=rows[0][0],
            label=label,
            segment=segment,
            sent_at=datetime.fromisoformat(moment) if moment else None,
            conversation=rows[0][0],
            is_cut=any(row[7] for row in written),
        )
