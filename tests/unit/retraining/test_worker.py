"""Workers on one PostgreSQL database leave each other's jobs alone."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.engine import URL

from firstline.errors import StoreUnusable
from firstline.retraining import worker
from firstline.retraining.worker import Worker
from firstline.store.database import writing_rows
from firstline.store.jobs import Job, add_job, beat, claim_job, read_job
from firstline.store.messages import now
from firstline.store.schema import jobs
from firstline.store.workspace import Workspace
from tests.postgres import workspace_on

GONE_S, BACK_S, END_S = 30.0, 400.0, 600.0
"""When the database goes away, when it is back, and when the worker is stopped, by the clock of the test."""


class Clock(threading.Event):
    """The worker's stop signal, whose waits take no time; `at` is what happens at a time. It is set at the end."""

    def __init__(self, at: dict[float, Callable[[], None]]) -> None:
        super().__init__()
        self.now = 0.0
        self._at = {**at, END_S: self.set}

    def wait(self, timeout: float | None = None) -> bool:
        before, self.now = self.now, self.now + (timeout or 0.0)
        for moment, happens in self._at.items():
            if before < moment <= self.now:
                happens()
        return self.is_set()


@pytest.fixture
def place(prepared: URL, tmp_path: Path) -> Iterator[Workspace]:
    made = workspace_on(prepared, tmp_path / "bank")
    yield made
    made.database.dispose()


def of_another_worker(place: Workspace) -> Job:
    with writing_rows(place.database) as connection:
        add_job(connection, "retrain", {}, "anna")
        job = claim_job(connection, "long", "elsewhere:1")
    assert job is not None
    return job


@pytest.mark.parametrize(("lives", "state"), [(True, "running"), (False, "waiting")])
def test_a_database_that_was_away_does_not_cost_another_worker_its_job(
    place: Workspace, monkeypatch: pytest.MonkeyPatch, lives: bool, state: str
) -> None:
    job = of_another_worker(place)

    def be_silent() -> None:
        with writing_rows(place.database) as connection:
            connection.execute(jobs.update().values(beat_at=now() - timedelta(hours=1)))

    def be_alive() -> None:
        with writing_rows(place.database) as connection:
            beat(connection, job)

    def found(_: Path) -> Workspace:
        if GONE_S <= clock.now < BACK_S:
            raise StoreUnusable("The database is away.", "")
        return place

    clock = Clock({GONE_S: be_silent, **({BACK_S + 15: be_alive} if lives else {})})
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(worker, "Workspace", SimpleNamespace(find=found))
    monkeypatch.setattr(worker, "claim_job", lambda *_: None)
    Worker(place, lambda _: None).run(clock)
    with place.database.connect() as connection:
        assert read_job(connection, job.id).state == state
