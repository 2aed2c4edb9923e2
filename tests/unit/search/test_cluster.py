"""A Dask cluster of real processes: the same outcomes as here, and a worker that is lost costs time only."""

import gc
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from distributed.scheduler import KilledWorker

from firstline.errors import ClusterLost, TrainingError, UsageError
from firstline.search import connecting
from firstline.search.cluster import Cluster, answer_of
from firstline.search.evaluating import Outcome, TrialTask, evaluate
from firstline.search.workers import Limits
from firstline.training.place import Bench, Task
from tests.clusters import Started
from tests.clusters import cluster as local
from tests.unit.search.benches import bench

LIMITS = Limits(120.0, 8 * 10**9)


class Sleeping:
    """A task that takes a while."""

    seconds = 40.0

    def __call__(self, bench: Bench) -> str:
        time.sleep(self.seconds)
        return "slept"

    def failed(self, problem: str, seconds: float) -> str:
        return problem


def test_it_finds_what_is_found_here(running: Started) -> None:
    settings = [{"C": 1.0}, {"C": 30.0}, {"C": 100.0, "words_to": 1}]
    tasks = [TrialTask(one) for one in settings]
    with Cluster(running.address, LIMITS) as cluster:
        found: dict[Task[Outcome], Outcome] = dict(cluster.run(bench(), tasks))
    assert [found[task].guesses for task in tasks] == [evaluate(bench(), one).guesses for one in settings]


@pytest.mark.slow
def test_a_worker_that_is_lost_costs_time_only(started: Started) -> None:
    tasks = [TrialTask({"C": float(C)}) for C in range(1, 9)]
    with Cluster(started.address, LIMITS) as cluster:
        steps = cluster.run(bench(), tasks)
        found = [next(steps)]
        os.killpg(started.workers[0].pid, signal.SIGKILL)
        found += steps
    assert {task for task, _ in found} == set(tasks)
    assert all(outcome.is_whole for _, outcome in found)


def test_after_the_deadline_nothing_is_waited_for(running: Started) -> None:
    with Cluster(running.address, LIMITS) as cluster:
        assert list(cluster.run(bench(), [TrialTask({"C": 1.0})], deadline=time.monotonic())) == []


@pytest.mark.slow
def test_all_workers_that_are_lost_cost_time_only_where_others_come(started: Started) -> None:
    tasks = [TrialTask({"C": float(C)}) for C in range(1, 5)]
    with Cluster(started.address, LIMITS) as cluster:
        steps = cluster.run(bench(), tasks)
        found = [next(steps)]
        for worker in started.workers:
            os.killpg(worker.pid, signal.SIGKILL)
        started.start_worker()
        found += steps
    assert {task for task, _ in found} == set(tasks)
    assert all(outcome.is_whole for _, outcome in found)


@pytest.mark.slow
def test_a_scheduler_that_is_lost_is_said(started: Started) -> None:
    with Cluster(started.address, LIMITS) as cluster:
        steps = cluster.run(bench(), [TrialTask({"C": float(C)}) for C in range(1, 9)])
        next(steps)
        os.killpg(started.scheduler.pid, signal.SIGKILL)
        with pytest.raises(ClusterLost, match="does not answer any more"):
            list(steps)


@pytest.mark.slow
def test_what_nobody_waits_for_makes_room(started: Started) -> None:
    slow = [Sleeping() for _ in started.workers]
    with Cluster(started.address, LIMITS) as cluster:
        cluster.run(bench(), slow).close()
        begun = cluster.run(bench(), slow)
        time.sleep(3)
        begun.close()
        started_at = time.monotonic()
        assert len(list(cluster.run(bench(), [TrialTask({"C": 1.0})]))) == 1
        assert time.monotonic() - started_at < Sleeping.seconds / 2


@pytest.mark.slow
def test_two_who_ask_the_same_worker_do_not_disturb_each_other(tmp_path: Path) -> None:
    def ask(candidate: str) -> tuple[int, ...]:
        with Cluster(started.address, LIMITS) as cluster:
            answers = [outcome for _, outcome in cluster.run(bench(candidate), [TrialTask({}) for _ in range(3)])]
        assert len({outcome.guesses for outcome in answers}) == 1
        return answers[0].guesses

    with local(tmp_path, n_workers=1, n_threads=2) as started, ThreadPoolExecutor(2) as threads:
        found = list(threads.map(ask, ("linear.v1", "lsa.v1")))
    assert found == [evaluate(bench(candidate), {}).guesses for candidate in ("linear.v1", "lsa.v1")]


class Doubling:
    """Work that fails for a text, and quotes it."""

    def __call__(self, part: Any) -> list[Any]:
        if "тайна" in part:
            raise ValueError(f"cannot double {part}")
        if "chosen" in part:
            raise UsageError("no such part", "leave it out")
        return [2 * value for value in part]


def test_parts_come_in_order(running: Started) -> None:
    taken: list[int] = []

    def parts() -> Iterator[list[int]]:
        for number in range(40):
            taken.append(number)
            yield [number]

    with Cluster(running.address, LIMITS) as cluster:
        made = cluster.in_order(Doubling(), parts())
        assert next(made) == [0]
        assert len(taken) < 15
        assert list(made) == [[2 * number] for number in range(1, 40)]


@pytest.mark.slow
def test_parts_of_a_lost_worker_are_done_by_another(started: Started) -> None:
    with Cluster(started.address, LIMITS) as cluster:
        made = cluster.in_order(Doubling(), ([number] for number in range(200)))
        first = next(made)
        os.killpg(started.workers[0].pid, signal.SIGKILL)
        assert [first, *made] == [[2 * number] for number in range(200)]


def test_an_error_of_ours_is_raised_with_its_next_step(running: Started) -> None:
    with Cluster(running.address, LIMITS) as cluster, pytest.raises(UsageError, match="no such part") as raised:
        list(cluster.in_order(Doubling(), [[1], ["chosen"]]))
    assert raised.value.next_step == "leave it out"


def test_no_text_of_a_part_is_in_an_error_or_a_log(started: Started, tmp_path: Path) -> None:
    with Cluster(started.address, LIMITS) as cluster, pytest.raises(TrainingError, match="ValueError in") as raised:
        list(cluster.in_order(Doubling(), [[1], ["тайна"]]))
    logs = "".join(log.read_text("utf-8") for log in tmp_path.glob("*.log"))
    assert "Registered to" in logs
    assert "тайна" not in logs + str(raised.value)


@pytest.mark.parametrize("address", ["", "foo", "tcp://", "http://127.0.0.1:80", "inproc://x", "tcp://host:port"])
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(UsageError, match="not the address of a Dask scheduler"), Cluster(address, LIMITS):
        pass


def test_certificates_that_are_missing_are_said() -> None:
    with pytest.raises(TrainingError, match="TLS"), Cluster("tls://127.0.0.1:9", LIMITS):
        pass


def test_no_scheduler_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 1)
    with (
        pytest.raises(TrainingError, match="No Dask scheduler answers at tcp"),
        Cluster("tcp://127.0.0.1:9", LIMITS),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "tls://127.0.0.1:9"])
def test_a_client_that_could_not_connect_does_not_close_itself_later(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 1)
    with pytest.raises(TrainingError), Cluster(address, LIMITS):
        pass
    found = [one for one in gc.get_objects() if type(one) is Client and one.status != "closed"]
    assert found == []


@pytest.mark.slow
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

    found = answer_of(TrialTask({}), Future(KilledWorker("evaluate-1", Worker(), 3)))  # type: ignore[arg-type]
    assert found.problem == "It ended several workers: tcp://10.0.0.7:4000."


def test_a_worker_without_firstline_is_said() -> None:
    with pytest.raises(TrainingError, match="No module named 'firstline'") as caught:
        answer_of(TrialTask({}), Future(ModuleNotFoundError("No module named 'firstline'", name="firstline")))  # type: ignore[arg-type]
    assert "the same versions" in caught.value.next_step
