"""The jobs of `firstline worker`: a table that commands and pages write, and that workers take from.

On PostgreSQL several workers may run; each takes a row that no other holds (`FOR UPDATE SKIP LOCKED`). On SQLite there
is one worker. In each lane one job runs at a time, which an index of the table makes sure of.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, or_, select
from sqlalchemy.exc import IntegrityError

from firstline.errors import UsageError
from firstline.store.messages import delete_state, now, read_state, write_state
from firstline.store.schema import is_running, jobs

Lane: TypeAlias = Literal["short", "long"]
State: TypeAlias = Literal["waiting", "running", "done", "failed", "cancelled"]
LANES: Mapping[str, Lane] = {"queue": "short", "report": "short", "retrain": "long"}
"""The kinds of jobs, each with its lane: seconds, or hours."""
MOST_STARTS = 3
"""A job that was killed so often is not started again."""
_SILENT_S = 120
"""A worker that gave no sign of life for so long is gone."""
_ALIVE = "worker"
"""The named value with the last sign of life of any worker."""
_MOST_LOG_CHARS = 100_000
_MOST_LISTED = 50
_MOST_KEPT = 500
"""Older jobs that have ended are deleted."""


@dataclass(frozen=True)
class Job:
    """One job. Times are UTC. `progress` has `what`, `done` and, if known, `total`. `error` is in words for people.

    `arguments` are None if they cannot be read.
    """

    id: int
    kind: str
    lane: Lane
    arguments: dict[str, Any] | None
    state: State
    asked_by: str
    asked_at: datetime
    not_before: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    worker: str | None
    n_starts: int
    is_cancelled: bool
    progress: dict[str, Any] | None
    log: str
    result: dict[str, Any] | None
    error: str | None


def add_job(connection: Connection, kind: str, arguments: Mapping[str, Any], asked_by: str) -> Job:
    """Put a job in; if the same one waits already, returns that."""
    same = and_(jobs.c.kind == kind, jobs.c.arguments == _text(arguments), jobs.c.state == "waiting")
    found = connection.execute(select(jobs.c.id).where(same).order_by(jobs.c.id)).scalar()
    if found is None:
        values = {
            "kind": kind,
            "lane": LANES[kind],
            "arguments": _text(arguments),
            "state": "waiting",
            "asked_by": asked_by,
            "asked_at": _clock(connection),
            "n_starts": 0,
            "is_cancelled": False,
            "log": "",
        }
        found = connection.execute(jobs.insert().values(values).returning(jobs.c.id)).scalar_one()
        has_ended = jobs.c.state.in_(("done", "failed", "cancelled"))
        connection.execute(jobs.delete().where(has_ended, jobs.c.id <= found - _MOST_KEPT))
    return read_job(connection, found)


def find_job(connection: Connection, job_id: int) -> Job | None:
    """A job; None if there is none."""
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    return None if row is None else _job(row)


def read_job(connection: Connection, job_id: int) -> Job:
    """Raises `UsageError` if there is none."""
    job = find_job(connection, job_id)
    if job is None:
        raise UsageError(f"There is no job {job_id}.", "List them: firstline jobs")
    return job


def list_jobs(connection: Connection) -> list[Job]:
    """The last 50, the newest first."""
    rows = connection.execute(select(jobs).order_by(jobs.c.id.desc()).limit(_MOST_LISTED)).mappings()
    return [_job(row) for row in rows]


def running_jobs(connection: Connection) -> list[Job]:
    """Those that a worker has in hand."""
    return [_job(row) for row in connection.execute(select(jobs).where(is_running).order_by(jobs.c.id)).mappings()]


def count_waiting_jobs(connection: Connection) -> int:
    """How many wait for a worker."""
    return connection.execute(select(func.count()).where(jobs.c.state == "waiting")).scalar_one()


def say_alive(connection: Connection) -> None:
    """Note that a worker runs, also when it has nothing to do."""
    with suppress(IntegrityError), connection.begin_nested():
        # Another worker may write the same at this moment.
        write_state(connection, _ALIVE, _clock(connection).isoformat())


def say_gone(connection: Connection) -> None:
    """Note that a worker ends."""
    delete_state(connection, _ALIVE)


def has_worker(connection: Connection) -> bool:
    """Whether a worker has given a sign of life in the last two minutes."""
    try:
        seen = datetime.fromisoformat(read_state(connection, _ALIVE) or "")
        return abs(_clock(connection) - seen) < timedelta(seconds=_SILENT_S)
    except (ValueError, TypeError):
        return False


def present_job(connection: Connection, kind: str) -> Job | None:
    """The job of a kind that runs, else the one that waits, else the one that ended last; None if there is none."""
    of_kind = select(jobs.c.id).where(jobs.c.kind == kind)
    active = of_kind.where(jobs.c.state.in_(("running", "waiting"))).order_by(jobs.c.state, jobs.c.id)
    for wanted in (active, of_kind.order_by(jobs.c.id.desc())):
        found = connection.execute(wanted.limit(1)).scalar()
        if found is not None:
            return find_job(connection, found)
    return None


def last_results(connection: Connection, kind: str) -> list[dict[str, Any]]:
    """What the last 50 jobs of a kind found that ended well, the newest first."""
    is_done = and_(jobs.c.kind == kind, jobs.c.state == "done")
    rows = connection.execute(select(jobs.c.result).where(is_done).order_by(jobs.c.id.desc()).limit(_MOST_LISTED))
    return [found for text in rows.scalars() if (found := _parsed(text)) is not None]


def claim_job(connection: Connection, lane: Lane, worker: str) -> Job | None:
    """Take the first job of a lane that may start; None if there is none, or if one of the lane is running.

    Worker and number of starts mark the claim: whoever holds an older one can change nothing any more. Raises
    `IntegrityError` if another worker is faster.
    """
    running = select(func.count()).where(jobs.c.lane == lane, jobs.c.state == "running")
    if connection.execute(running).scalar_one():
        return None
    moment = _clock(connection)
    is_due = or_(jobs.c.not_before.is_(None), jobs.c.not_before <= moment)
    wanted = select(jobs.c.id).where(jobs.c.lane == lane, jobs.c.state == "waiting", is_due)
    found = connection.execute(wanted.order_by(jobs.c.id).limit(1).with_for_update(skip_locked=True)).scalar()
    if found is None:
        return None
    values = {
        "state": "running",
        "worker": worker,
        "started_at": moment,
        "beat_at": moment,
        "n_starts": jobs.c.n_starts + 1,
        "progress": None,
        "error": None,
    }
    connection.execute(jobs.update().where(jobs.c.id == found).values(values))
    return read_job(connection, found)


def holds(connection: Connection, claimed: Job) -> bool:
    """Whether a claim still holds; if so, the row is locked until the transaction ends."""
    return connection.execute(select(jobs.c.id).where(_is_held(claimed)).with_for_update()).scalar() is not None


def beat(connection: Connection, claimed: Job) -> None:
    """Give a sign of life of a claimed job."""
    connection.execute(jobs.update().where(_is_held(claimed)).values(beat_at=_clock(connection)))


def tell(connection: Connection, claimed: Job, progress: Mapping[str, Any] | None, lines: str) -> None:
    """Store how far a claimed job is, and add lines to its log, of which the end is kept."""
    log = connection.execute(select(jobs.c.log).where(_is_held(claimed))).scalar()
    if log is not None:
        values = {"progress": progress and _text(progress), "log": (log + lines)[-_MOST_LOG_CHARS:]}
        connection.execute(jobs.update().where(_is_held(claimed)).values(values))


def finish_job(
    connection: Connection, claimed: Job, state: State, *, result: Mapping[str, Any] | None = None, error: str = ""
) -> None:
    """Note how a claimed job ended."""
    values = {
        "state": state,
        "finished_at": _clock(connection),
        "result": None if result is None else _text(result),
        "error": error or None,
    }
    connection.execute(jobs.update().where(_is_held(claimed)).values(values))


def put_back(connection: Connection, claimed: Job, *, after_s: float = 0, counts: bool = True) -> None:
    """Let a claimed job wait again, for at least so many seconds. If this `counts`, a third time ends it."""
    if not holds(connection, claimed):
        return
    job = read_job(connection, claimed.id)
    if job.is_cancelled:
        finish_job(connection, claimed, "cancelled")
    elif counts and job.n_starts >= MOST_STARTS:
        why = f"It was killed {MOST_STARTS} times. Is there enough memory for it?"
        finish_job(connection, claimed, "failed", error=why)
    else:
        values = {
            "state": "waiting",
            "not_before": _clock(connection) + timedelta(seconds=after_s),
            "n_starts": job.n_starts if counts else job.n_starts - 1,
        }
        connection.execute(jobs.update().where(_is_held(claimed)).values(values))


def take_back_lost(connection: Connection, *, is_only_worker: bool) -> list[int]:
    """Let jobs whose worker is gone wait again; returns their ids. The only worker knows that all were lost."""
    is_lost = jobs.c.state == "running"
    if not is_only_worker:
        is_lost = and_(is_lost, jobs.c.beat_at < _clock(connection) - timedelta(seconds=_SILENT_S))
    rows = connection.execute(select(jobs).where(is_lost).order_by(jobs.c.id)).mappings().all()
    for row in rows:
        put_back(connection, _job(row))
    return [row["id"] for row in rows]


def cancel_job(connection: Connection, job_id: int) -> Job:
    """Cancel a job: at once if it waits; a worker stops one that runs. Raises `UsageError` if it has ended."""
    connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
    job = read_job(connection, job_id)
    if job.state not in ("waiting", "running"):
        raise UsageError(f"Job {job_id} has ended: {job.state}.", "List them: firstline jobs")
    values: dict[str, object] = {"is_cancelled": True}
    if job.state == "waiting":
        values.update(state="cancelled", finished_at=_clock(connection))
    connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))
    return read_job(connection, job_id)


def last_asked(connection: Connection, kind: str) -> datetime | None:
    """When a job of this kind was last put in, UTC; times in the future, of a clock that was wrong, do not count."""
    asked = select(func.max(jobs.c.asked_at)).where(jobs.c.kind == kind, jobs.c.asked_at <= _clock(connection))
    found: datetime | None = connection.execute(asked).scalar()
    return found


def _is_held(claimed: Job) -> ColumnElement[bool]:
    return and_(
        jobs.c.id == claimed.id,
        jobs.c.state == "running",
        jobs.c.worker == claimed.worker,
        jobs.c.n_starts == claimed.n_starts,
    )


def _clock(connection: Connection) -> datetime:
    """UTC, by the server's clock if there is a server: workers of several machines compare their times."""
    if connection.dialect.name != "postgresql":
        return now()
    found: datetime = connection.execute(select(func.timezone("UTC", func.clock_timestamp()))).scalar_one()
    return found


def _job(row: RowMapping) -> Job:
    kept = {name: value for name, value in row.items() if name != "beat_at"}
    parsed = {name: _parsed(kept[name]) for name in ("arguments", "progress", "result")}
    return Job(**{**kept, **parsed})


def _parsed(text: str | None) -> dict[str, Any] | None:
    """None as well for what is no JSON object: a row that somebody changed by hand stops no worker."""
    try:
        found = json.loads(text or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
