"""`firstline worker`: runs the jobs of a workspace, one in each lane, each in a process of its own.

A job that is killed with its process, or whose worker is killed, waits again and goes on from what it saved.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import SpawnProcess

from sqlalchemy.exc import IntegrityError

from firstline.errors import StoreUnusable, WorkspaceBusy
from firstline.retraining.job import run_job
from firstline.retraining.schedule import add_due, next_time
from firstline.store.database import writing_rows
from firstline.store.jobs import Job, Lane, beat, claim_job, put_back, read_job, take_back_lost
from firstline.store.messages import now
from firstline.store.workspace import Workspace

_LANES: tuple[Lane, ...] = ("short", "long")
_LOOK_EVERY_S = 1.0
_BEAT_EVERY_S = 10.0
_SCHEDULE_EVERY_S = 20.0
_RETRY_S = 10.0
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
                    except (StoreUnusable, WorkspaceBusy) as error:
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
        """Start what may start, and look after what runs; returns whether anything ran."""
        moment = time.monotonic()
        if moment - self._looked_at >= _SCHEDULE_EVERY_S:
            self._looked_at = moment
            self._add_due()
        for lane in _LANES:
            if lane not in self._running:
                self._start(lane)
        has_run = bool(self._running)
        is_time = moment - self._beat_at >= _BEAT_EVERY_S
        if is_time:
            self._beat_at = moment
        for lane, one in list(self._running.items()):
            if not one.process.is_alive():
                self._ended(one)
                del self._running[lane]
            elif not self._goes_on(one.job.id, is_time=is_time):
                _end(one.process)
                self._note_stopped(one.job.id)
                del self._running[lane]
        return has_run

    def _add_due(self) -> None:
        if not self._is_only_worker:
            self._take_back_lost()
        with writing_rows(self._place.database) as connection:
            job = add_due(self._place, connection)
        if job is not None and job.n_starts == 0:
            self._tell(f"job {job.id}: {job.kind}, because of {job.asked_by}")

    def _start(self, lane: Lane) -> None:
        try:
            with writing_rows(self._place.database) as connection:
                job = claim_job(connection, lane, self._name)
        except IntegrityError:
            # Another worker was faster.
            return
        if job is None:
            return
        process = get_context("spawn").Process(target=run_job, args=(self._place.folder, job.id))
        process.start()
        self._running[lane] = _Running(job, process)
        self._tell(f"job {job.id}: {job.kind} begins (process {process.pid})")

    def _goes_on(self, job_id: int, *, is_time: bool) -> bool:
        if is_time:
            with writing_rows(self._place.database) as connection:
                beat(connection, job_id, self._name)
        with self._place.database.connect() as connection:
            job = read_job(connection, job_id)
        # One that was taken for lost may run elsewhere. One that has just ended does so by itself.
        is_lost = job.state == "waiting" or job.worker != self._name
        return not is_lost and not (job.state == "running" and job.is_cancelled)

    def _ended(self, one: "_Running") -> None:
        with writing_rows(self._place.database) as connection:
            job = read_job(connection, one.job.id)
            if job.state == "running":
                put_back(connection, job.id)
                job = read_job(connection, job.id)
                self._tell(f"job {job.id}: its process ended ({one.process.exitcode})")
        self._tell(f"job {job.id}: {job.state}{f': {job.error}' if job.error else ''}")

    def _note_stopped(self, job_id: int) -> None:
        with writing_rows(self._place.database) as connection:
            job = read_job(connection, job_id)
            if job.worker == self._name:
                put_back(connection, job_id)
        self._tell(f"job {job_id}: {'cancelled' if job.is_cancelled else 'stopped, since it was taken for lost'}")

    def _stop_all(self) -> None:
        for one in self._running.values():
            _end(one.process)
            with writing_rows(self._place.database) as connection:
                put_back(connection, one.job.id, counts=False)
            self._tell(f"job {one.job.id}: stopped; it waits for the next worker")
        self._running.clear()


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join(_END_S)
    if process.is_alive():
        process.kill()
        process.join()
