"""Jobs are taken one at a time in each lane, and none is lost with its worker."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import IntegrityError

from firstline.errors import UsageError
from firstline.store.database import writing_rows
from firstline.store.jobs import (
    MOST_STARTS,
    Job,
    Lane,
    add_job,
    beat,
    cancel_job,
    claim_job,
    find_job,
    finish_job,
    has_worker,
    holds,
    last_asked,
    last_results,
    list_jobs,
    present_job,
    put_back,
    read_job,
    say_alive,
    say_gone,
    take_back_lost,
    tell,
)
from firstline.store.messages import now, write_state
from firstline.store.schema import jobs


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with writing_rows(engine) as opened:
        yield opened


def claimed(connection: Connection, worker: str = "a:1", lane: Lane = "long") -> Job:
    job = claim_job(connection, lane, worker)
    assert job is not None
    return job


def test_each_lane_runs_one_job_at_a_time_the_oldest_first(connection: Connection) -> None:
    first = add_job(connection, "retrain", {}, "anna")
    second = add_job(connection, "retrain", {"promote": "never"}, "anna")
    report = add_job(connection, "report", {}, "anna")
    taken = claimed(connection)
    assert (taken.id, taken.state, taken.n_starts) == (first.id, "running", 1)
    assert claim_job(connection, "long", "b:2") is None
    other = claim_job(connection, "short", "b:2")
    assert other is not None
    assert other.id == report.id
    finish_job(connection, taken, "done", result={"promoted": True})
    following = claim_job(connection, "long", "b:2")
    assert following is not None
    assert (following.id, following.arguments) == (second.id, {"promote": "never"})
    assert read_job(connection, first.id).result == {"promoted": True}


def test_the_present_job_is_the_one_that_runs_or_waits_or_ended_last(connection: Connection) -> None:
    assert present_job(connection, "retrain") is None
    first = add_job(connection, "retrain", {}, "anna")
    taken = claimed(connection)
    second = add_job(connection, "retrain", {"promote": "never"}, "anna")
    add_job(connection, "report", {}, "anna")
    assert [present_job(connection, "retrain")] == [taken]
    finish_job(connection, taken, "done", result={"promoted": True})
    assert present_job(connection, "retrain") == second
    finish_job(connection, claimed(connection), "done", result={"promoted": False})
    ended = present_job(connection, "retrain")
    assert ended is not None
    assert (ended.id, ended.state) == (second.id, "done")
    assert last_results(connection, "retrain") == [{"promoted": False}, {"promoted": True}]
    assert first.id < second.id


def test_two_workers_cannot_have_a_job_of_the_same_lane(connection: Connection) -> None:
    for promote in ("never", "gates"):
        add_job(connection, "retrain", {"promote": promote}, "anna")
    with pytest.raises(IntegrityError), connection.begin_nested():
        connection.execute(jobs.update().values(state="running"))
    assert [one.state for one in list_jobs(connection)] == ["waiting"] * 2


def test_the_same_job_waits_only_once(connection: Connection) -> None:
    first = add_job(connection, "retrain", {}, "anna")
    assert add_job(connection, "retrain", {}, "schedule") == first
    claim_job(connection, "long", "a:1")
    assert add_job(connection, "retrain", {}, "schedule").id != first.id
    asked = last_asked(connection, "retrain")
    assert asked is not None
    assert asked >= first.asked_at


def test_a_job_put_back_waits_for_its_time_and_ends_after_three_kills(connection: Connection) -> None:
    job = add_job(connection, "retrain", {}, "anna")
    put_back(connection, claimed(connection), after_s=60, counts=False)
    assert claim_job(connection, "long", "a:1") is None
    connection.execute(jobs.update().values(not_before=now() - timedelta(seconds=1)))
    for start in range(1, MOST_STARTS + 1):
        taken = claimed(connection)
        assert taken.n_starts == start
        put_back(connection, taken)
    ended = read_job(connection, job.id)
    assert (ended.state, ended.error) == ("failed", "It was killed 3 times. Is there enough memory for it?")


def test_a_job_is_lost_with_a_worker_that_is_silent_or_was_the_only_one(connection: Connection) -> None:
    job = add_job(connection, "retrain", {}, "anna")
    taken = claimed(connection)
    assert take_back_lost(connection, is_only_worker=False) == []
    connection.execute(jobs.update().values(beat_at=now() - timedelta(hours=1)))
    beat(connection, taken)
    assert take_back_lost(connection, is_only_worker=False) == []
    connection.execute(jobs.update().values(beat_at=now() - timedelta(hours=1)))
    assert take_back_lost(connection, is_only_worker=False) == [job.id]
    claimed(connection)
    assert take_back_lost(connection, is_only_worker=True) == [job.id]
    assert read_job(connection, job.id).state == "waiting"


def test_a_worker_whose_job_was_taken_for_lost_changes_nothing_any_more(connection: Connection) -> None:
    job = add_job(connection, "retrain", {}, "anna")
    old = claimed(connection)
    connection.execute(jobs.update().values(beat_at=now() - timedelta(hours=1)))
    take_back_lost(connection, is_only_worker=False)
    new = claimed(connection, "b:2")
    assert (holds(connection, old), holds(connection, new)) == (False, True)
    put_back(connection, old)
    tell(connection, old, None, "late")
    finish_job(connection, old, "failed", error="late")
    found = read_job(connection, job.id)
    assert (found.state, found.worker, found.log, found.error) == ("running", "b:2", "", None)


def test_a_row_that_somebody_broke_stops_nobody(connection: Connection) -> None:
    job = add_job(connection, "retrain", {}, "anna")
    connection.execute(jobs.update().values(arguments="{broken", progress="[1]"))
    assert claimed(connection).arguments is None
    assert list_jobs(connection)[0].progress is None
    connection.execute(jobs.delete())
    assert find_job(connection, job.id) is None


def test_old_jobs_that_have_ended_are_deleted(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.store.jobs._MOST_KEPT", 1)
    add_job(connection, "report", {"model": "0"}, "anna")
    finish_job(connection, claimed(connection, lane="short"), "done")
    waiting = [add_job(connection, "report", {"model": model}, "anna").id for model in ("1", "2", "3")]
    assert [one.id for one in list_jobs(connection)] == waiting[::-1]


def test_a_cancelled_job_does_not_start_or_go_on(connection: Connection) -> None:
    waiting = add_job(connection, "report", {}, "anna")
    assert cancel_job(connection, waiting.id).state == "cancelled"
    assert claim_job(connection, "short", "a:1") is None
    running = add_job(connection, "report", {}, "anna")
    taken = claimed(connection, lane="short")
    assert cancel_job(connection, running.id).state == "running"
    put_back(connection, taken)
    assert read_job(connection, running.id).state == "cancelled"
    with pytest.raises(UsageError, match="has ended: cancelled"):
        cancel_job(connection, running.id)
    with pytest.raises(UsageError, match="There is no job 99"):
        read_job(connection, 99)


def test_progress_and_the_end_of_the_log_are_kept(connection: Connection) -> None:
    job = add_job(connection, "retrain", {}, "anna")
    taken = claimed(connection)
    tell(connection, taken, {"what": "folds", "done": 1, "total": 5}, "eins\n")
    tell(connection, taken, None, "x" * 100_000)
    found = read_job(connection, job.id)
    assert (found.progress, len(found.log), "eins" in found.log) == (None, 100_000, False)


def test_a_worker_is_there_until_it_ends_or_is_silent_for_two_minutes(connection: Connection) -> None:
    assert not has_worker(connection)
    say_alive(connection)
    say_alive(connection)
    assert has_worker(connection)
    say_gone(connection)
    assert not has_worker(connection)
    for seen in ((now() - timedelta(seconds=121)).isoformat(), "yesterday", f"{now().isoformat()}+00:00"):
        write_state(connection, "worker", seen)
        assert not has_worker(connection), seen
