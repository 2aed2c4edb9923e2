"""A Dask cluster of real processes: the same outcomes as here, and a worker that is lost costs time only."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from distributed.scheduler import KilledWorker

from firstline.errors import TrainingError
from firstline.training.search.cluster import Cluster, outcome_of
from firstline.training.search.evaluating import Outcome, evaluate
from firstline.training.search.workers import Limits
from tests.unit.training.search.benches import bench

LIMITS = Limits(120.0, 8 * 10**9)
N_WORKERS = 2


@dataclass
class Started:
    """A scheduler with workers; `workers` are their processes."""

    address: str
    workers: list["subprocess.Popen[bytes]"]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(said: str, *arguments: str) -> str:
        """Start one and wait until it says so; returns that line."""
        log = tmp_path / f"{len(processes)}.log"
        with log.open("wb") as opened:
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            processes.append(subprocess.Popen(command, stdout=opened, stderr=opened, start_new_session=True))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in log.read_text("utf-8").splitlines():
                if said in line:
                    return line
            time.sleep(0.1)
        raise AssertionError(log.read_text("utf-8"))

    try:
        found = re.search(r"tcp://[\d.:]+", start("Scheduler at:", "scheduler", "--host", "127.0.0.1", "--port", "0"))
        assert found
        for _ in range(N_WORKERS):
            start("Registered to:", "worker", found[0], "--nthreads", "1", "--local-directory", str(tmp_path))
        yield Started(found[0], processes[1:])
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_it_finds_what_is_found_here(started: Started) -> None:
    settings = [{"C": 1.0}, {"C": 30.0}, {"C": 100.0, "words_to": 1}]
    with Cluster(started.address, LIMITS) as cluster:
        found = {str(one): outcome for one, outcome in cluster.evaluate(bench(), settings)}
    assert {one: outcome.guesses for one, outcome in found.items()} == {
        str(one): evaluate(bench(), one).guesses for one in settings
    }


def test_a_worker_that_is_lost_costs_time_only(started: Started) -> None:
    settings = [{"C": float(C)} for C in range(1, 9)]
    with Cluster(started.address, LIMITS) as cluster:
        steps = cluster.evaluate(bench(), settings)
        found = [next(steps)]
        os.killpg(started.workers[0].pid, signal.SIGKILL)
        found += steps
    assert sorted(float(one["C"]) for one, _ in found) == [float(C) for C in range(1, 9)]
    assert all(outcome.is_whole for _, outcome in found)


def test_after_the_deadline_nothing_is_waited_for(started: Started) -> None:
    with Cluster(started.address, LIMITS) as cluster:
        assert list(cluster.evaluate(bench(), [{"C": 1.0}], deadline=time.monotonic())) == []


def test_no_scheduler_is_said() -> None:
    with (
        pytest.raises(TrainingError, match="No Dask scheduler answers at tcp"),
        Cluster("tcp://127.0.0.1:9", LIMITS),
    ):
        pass


def test_a_scheduler_without_workers_is_said(started: Started) -> None:
    for worker in started.workers:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with Cluster(started.address, LIMITS):
                time.sleep(0.5)
        except TrainingError as error:
            assert "has no workers" in error.message
            return
    raise AssertionError("the scheduler still counts workers that are gone")


class Future:
    """One that has ended badly."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def result(self) -> Outcome:
        raise self.error


def test_what_ends_several_workers_is_a_bad_evaluation() -> None:
    class Worker:
        address = "tcp://10.0.0.7:4000"

    found = outcome_of(Future(KilledWorker("evaluate-1", Worker(), 3)))  # type: ignore[arg-type]
    assert found.problem == "It ended several workers: tcp://10.0.0.7:4000."


def test_a_worker_without_firstline_is_said() -> None:
    with pytest.raises(TrainingError, match="No module named 'firstline'") as caught:
        outcome_of(Future(ModuleNotFoundError("No module named 'firstline'")))  # type: ignore[arg-type]
    assert "the same versions" in caught.value.next_step
