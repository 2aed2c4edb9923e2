"""Conversations: keep what the writer sent before the first reply from support.

A reply answers something, so what support sends before the writer's first message (a greeting, a
bot's question) does not count as one. Rows of a conversation may lie anywhere in a file: they are
gathered, masked, in a private temporary database that vanishes with the process.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from firstline.errors import ColumnMissing
from firstline.messages.incoming import Incoming
from firstline.messages.records import Reject

_BATCH = 10_000
_Row = tuple[str, int, str, str | None, str | None, str | None, str | None]


def join_conversations(rows: Iterable[Incoming | Reject], agent_values: Iterable[str]) -> Iterator[Incoming | Reject]:
    """One message for each conversation, in the order in which they begin in the file.

    Messages are ordered by time where all of a conversation have one, else as they stand. Raises
    `ColumnMissing` if no row at all is by one of `agent_values`: then replies would pass for
    customers' words.
    """
    agents = {value.strip().casefold() for value in agent_values}
    seen_authors: dict[str, None] = {}
    with closing(sqlite3.connect("")) as spool:
        spool.execute("CREATE TABLE row (conversation, line, text, segment, label, sent_at, author)")
        batch: list[_Row] = []
        for row in rows:
            if isinstance(row, Reject):
                yield row
                continue
            if len(seen_authors) < 20:
                seen_authors[row.author or ""] = None
            batch.append(_spooled(row))
            if len(batch) >= _BATCH:
                _write(spool, batch)
        _write(spool, batch)
        _require_agents(spool, agents, seen_authors)
        yield from _joined(spool, agents)


def _spooled(row: Incoming) -> _Row:
    moment = row.sent_at.isoformat() if row.sent_at else None
    return (row.conversation or "", row.line, row.text, row.segment, row.label, moment, row.author)


def _write(spool: sqlite3.Connection, batch: list[_Row]) -> None:
    spool.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?)", batch)
    batch.clear()


def _require_agents(spool: sqlite3.Connection, agents: set[str], seen: Iterable[str]) -> None:
    authors = [author for (author,) in spool.execute("SELECT DISTINCT author FROM row LIMIT 1000")]
    if authors and not any((author or "").casefold() in agents for author in authors):
        raise ColumnMissing(
            f"No message is by {' or '.join(sorted(agents))}; the authors are: {', '.join(list(seen)[:10])}.",
            "Name the values that mean support: --agent-values agent,operator",
        )


def _joined(spool: sqlite3.Connection, agents: set[str]) -> Iterator[Incoming | Reject]:
    ordered = spool.execute(
        "SELECT row.* FROM row JOIN (SELECT conversation, min(line) AS first FROM row GROUP BY conversation)"
        " AS begun ON row.conversation IS begun.conversation ORDER BY begun.first, row.line"
    )
    for _, group in groupby(ordered, key=itemgetter(0)):
        rows: list[_Row] = list(group)
        if all(row[5] is not None for row in rows):
            rows.sort(key=lambda row: (row[5], row[1]))
        yield from _one(rows, agents)


def _one(rows: list[_Row], agents: set[str]) -> Iterator[Incoming | Reject]:
    """The writer's message of one conversation, once for each of its labels."""
    line = min(row[1] for row in rows)
    written: list[_Row] = []
    for row in rows:
        if (row[6] or "").casefold() not in agents:
            written.append(row)
        elif written:
            break
    text = "\n".join(row[2] for row in written if row[2])
    if not text:
        yield Reject(line, "the writer sent no text before the first reply")
        return
    labels = list(dict.fromkeys(row[4] for row in rows if row[4])) or [None]
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
        )
