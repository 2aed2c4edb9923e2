"""`firstline worker`: runs the jobs of a workspace, one in each lane, each in a process of its own.

A job that is killed with its process, or whose worker is killed, waits again and goes on from what it saved.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from sqlalchemy.exc import IntegrityError

from firstline.errors import WorkspaceBusy, WorkspaceError
from firstline.retraining.job import run_job
from firstline.retraining.schedule import add_due, next_time
from firstline.settings.model import RetrainingSettings
from firstline.store.database import writing_rows
from firstline.store.jobs import (
    Job,
    Lane,
    beat,
    claim_job,
    find_job,
    finish_job,
    holds,
    put_back,
    say_alive,
    say_gone,
    take_back_lost,
)
from firstline.store.messages import now
from firstline.store.workspace import Workspace

_LANES: tuple[Lane, ...] = ("short", "long")
_LOOK_EVERY_S = 1.0
_BEAT_EVERY_S = 10.0
_SCHEDULE_EVERY_S = 20.0
_RETRY_S = 10.0
_PATIENCE_S = 60.0
"""So long after the database was away, other workers may give their sign of life before their jobs count as lost."""
_END_S = 10.0


@dataclass(frozen=True)
class _Running:
    job: Job
    process: SpawnProcess


class Worker:
    """Runs jobs until it is stopped. `tell` gets a line for each event."""

    def __init__(self, place: Workspace, tell: Callable[[str], None]) -> None:
        self._place = place
        self._tell = tell
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._running: dict[Lane, _Running] = {}
        self._looked_at = float("-inf")
        self._beat_at = float("-inf")
        self._patient_until = float("-inf")

    def run(self, stop: threading.Event, *, until_idle: bool = False) -> None:
        """Run jobs until `stop` is set; with `until_idle`, until none is left that may start.

        What runs then is stopped and waits again. Raises `WorkspaceBusy` if a worker of this workspace runs already on
        SQLite, and `StoreUnusable` if the database cannot be opened at first.
        """
        with self._alone():
            self._say_hello()
            self._take_back_lost()
            try:
                while not stop.is_set():
                    try:
                        is_idle = not self._look()
                    except WorkspaceError as error:
                        # The database is away or locked, or firstline.toml is being changed.
                        self._patient_until = time.monotonic() + _PATIENCE_S
                        self._tell(f"{error.message} Trying again in {_RETRY_S:.0f} s.")
                        stop.wait(_RETRY_S)
                        continue
                    if until_idle and is_idle:
                        return
                    stop.wait(_LOOK_EVERY_S)
            finally:
                self._stop_all()

    @property
    def _is_only_worker(self) -> bool:
        return self._place.database.dialect.name == "sqlite"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """On SQLite, the lock of the worker."""
        with ExitStack() as stack:
            if self._is_only_worker:
                try:
                    stack.enter_context(self._place.hold("worker", "worker"))
                except WorkspaceBusy as error:
                    error.next_step = "One worker is enough. To start this one, stop the other first."
                    raise
            yield

    def _say_hello(self) -> None:
        settings = self._place.settings.retraining
        when = f"; next by the schedule at {next_time(settings, now()):%Y-%m-%d %H:%M} UTC" if settings.schedule else ""
        many = f"; retrains at {settings.new_labels:,} new labels" if settings.new_labels else ""
        self._tell(f"waits for jobs{when}{many}")

    def _take_back_lost(self) -> None:
        with writing_rows(self._place.database) as connection:
            for job_id in take_back_lost(connection, is_only_worker=self._is_only_worker):
                self._tell(f"job {job_id}: its worker is gone; it waits again")

    def _look(self) -> bool:
        """Start what may start, and look after what runs; returns whether anything ran. Raises `WorkspaceError`."""
        moment = time.monotonic()
        is_time = moment - self._beat_at >= _BEAT_EVERY_S
        if is_time:
            self._beat_at = moment
        has_run = bool(self._running)
        for lane, one in list(self._running.items()):
            if not one.process.is_alive():
                self._ended(one)
                del self._running[lane]
            elif not self._goes_on(one.job, is_time=is_time):
                _end(one.process)
                self._note_stopped(one.job)
                del self._running[lane]
        # A job reads the settings when it starts, so they are checked before.
        settings = Workspace.find(self._place.folder).settings.retraining
        if moment - self._looked_at >= _SCHEDULE_EVERY_S:
            self._looked_at = moment
            self._add_due(settings)
        for lane in _LANES:
            if lane not in self._running:
                has_run |= self._start(lane)
        return has_run

    def _add_due(self, settings: RetrainingSettings) -> None:
        if not self._is_only_worker and time.monotonic() >= self._patient_until:
            self._take_back_lost()
        with writing_rows(self._place.database) as connection:
            say_alive(connection)
            job = add_due(self._place.models, settings, connection)
        if job is not None and job.n_starts == 0:
            self._tell(f"job {job.id}: {job.kind}, because of {job.asked_by}")

    def _start(self, lane: Lane) -> bool:
        try:
            with writing_rows(self._place.database) as connection:
                job = claim_job(connection, lane, self._name)
        except IntegrityError:
            # Another worker was faster.
            return False
        if job is None:
            return False
        process = get_context("spawn").Process(target=run_job, args=(self._place.folder, job))
        process.start()
        self._running[lane] = _Running(job, process)
        self._tell(f"job {job.id}: {job.kind} begins (process {process.pid})")
        return True

    def _goes_on(self, job: Job, *, is_time: bool) -> bool:
        """Whether the claim holds and nobody has cancelled the job. One that has just ended ends its process itself."""
        if is_time:
            with writing_rows(self._place.database) as connection:
                beat(connection, job)
        with self._place.database.connect() as connection:
            now_there = find_job(connection, job.id)
        if now_there is None or (now_there.worker, now_there.n_starts) != (job.worker, job.n_starts):
            return False
        return now_there.state in ("done", "failed") or (now_there.state == "running" and not now_there.is_cancelled)

    def _ended(self, one: "_Running") -> None:
        code = one.process.exitcode or 0
        with writing_rows(self._place.database) as connection:
            if holds(connection, one.job) and code > 0:
                finish_job(connection, one.job, "failed", error=f"Its process ended with exit code {code}.")
            elif holds(connection, one.job):
                self._tell(f"job {one.job.id}: its process was killed ({-code})")
                put_back(connection, one.job)
            job = find_job(connection, one.job.id)
        if job is not None:
            self._tell(f"job {job.id}: {job.state}{f': {job.error}' if job.error else ''}")

    def _note_stopped(self, job: Job) -> None:
        with writing_rows(self._place.database) as connection:
            put_back(connection, job)
            found = find_job(connection, job.id)
        self._tell(f"job {job.id}: stopped here; it is {found.state if found else 'gone'} now")

    def _stop_all(self) -> None:
        for one in self._running.values():
            _end(one.process)
            with suppress(WorkspaceError), writing_rows(self._place.database) as connection:
                put_back(connection, one.job, counts=False)
            self._tell(f"job {one.job.id}: stopped; it waits for the next worker")
        self._running.clear()
        with suppress(WorkspaceError), writing_rows(self._place.database) as connection:
            say_gone(connection)


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join(_END_S)
    if process.is_alive():
        process.kill()
        process.join()
