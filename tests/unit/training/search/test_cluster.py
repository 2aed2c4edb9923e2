"""A Dask cluster of real processes: the same outcomes as here, and a worker that is lost costs time only."""

import os
import signal
import time

import pytest
from distributed.scheduler import KilledWorker

from firstline.errors import TrainingError
from firstline.training.search.cluster import Cluster, Different, answer_of, check_same
from firstline.training.search.evaluating import Evaluation, Outcome, Task, evaluate
from firstline.training.search.workers import Limits
from tests.clusters import Started
from tests.unit.training.search.benches import bench

LIMITS = Limits(120.0, 8 * 10**9)


def test_it_finds_what_is_found_here(started: Started) -> None:
    settings = [{"C": 1.0}, {"C": 30.0}, {"C": 100.0, "words_to": 1}]
    tasks = [Evaluation(one) for one in settings]
    with Cluster(started.address, LIMITS) as cluster:
        found: dict[Task[Outcome], Outcome] = dict(cluster.run(bench(), tasks))
    assert [found[task].guesses for task in tasks] == [evaluate(bench(), one).guesses for one in settings]


def test_a_worker_that_is_lost_costs_time_only(started: Started) -> None:
    tasks = [Evaluation({"C": float(C)}) for C in range(1, 9)]
    with Cluster(started.address, LIMITS) as cluster:
        steps = cluster.run(bench(), tasks)
        found = [next(steps)]
        os.killpg(started.workers[0].pid, signal.SIGKILL)
        found += steps
    assert {task for task, _ in found} == set(tasks)
    assert all(outcome.is_whole for _, outcome in found)


def test_after_the_deadline_nothing_is_waited_for(started: Started) -> None:
    with Cluster(started.address, LIMITS) as cluster:
        assert list(cluster.run(bench(), [Evaluation({"C": 1.0})], deadline=time.monotonic())) == []


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

    found = answer_of(Evaluation({}), Future(KilledWorker("evaluate-1", Worker(), 3)))  # type: ignore[arg-type]
    assert found.problem == "It ended several workers: tcp://10.0.0.7:4000."


def test_a_worker_without_firstline_is_said() -> None:
    with pytest.raises(TrainingError, match="No module named 'firstline'") as caught:
        answer_of(Evaluation({}), Future(ModuleNotFoundError("No module named 'firstline'")))  # type: ignore[arg-type]
    assert "the same versions" in caught.value.next_step


def test_a_worker_with_other_versions_is_said_and_what_it_lacks_is_not() -> None:
    asking = {"python": "3.11.2", "torch": "2.13.0", "code": "ab12"}
    check_same(asking, {"python": "3.11.2", "code": "ab12"})
    with pytest.raises(Different, match=r"^python 3\.12\.1 instead of 3\.11\.2$"):
        check_same(asking, {"python": "3.12.1", "code": "cd34"})
    with pytest.raises(Different, match="another version of Firstline's code"):
        check_same(asking, {**asking, "code": "cd34"})
