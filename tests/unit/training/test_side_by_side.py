import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from firstline.errors import PoolTooSmall, TrainingError
from firstline.training.candidates.base import Stage
from firstline.training.side_by_side import Job, n_usable_cores, run_side_by_side

Report = Callable[[Stage], None]


@dataclass(frozen=True)
class Doubles:
    value: int

    def __call__(self, report: Report) -> tuple[int, int]:
        report(Stage(f"doubling {self.value}", 1, 1))
        return 2 * self.value, os.getpid()


@dataclass(frozen=True)
class Fails:
    error: Exception

    def __call__(self, report: Report) -> tuple[int, int]:
        raise self.error


@dataclass(frozen=True)
class IsKilled:
    def __call__(self, report: Report) -> tuple[int, int]:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0, 0


Pair = Job[tuple[int, int]]

several_cores = pytest.mark.skipif(n_usable_cores() < 2, reason="one core: everything runs in this process")


def quiet(stage: Stage) -> None:
    pass


def test_one_job_runs_here() -> None:
    told: list[Stage] = []
    assert run_side_by_side([Doubles(4)], told.append) == [(8, os.getpid())]
    assert [stage.what for stage in told] == ["doubling 4"]


def test_on_one_core_all_jobs_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert run_side_by_side([Doubles(4), Doubles(5)], quiet) == [(8, os.getpid()), (10, os.getpid())]


@several_cores
def test_several_jobs_run_in_processes_of_their_own_and_keep_their_order() -> None:
    told: list[Stage] = []
    found = run_side_by_side([Doubles(4), Doubles(5)], told.append)
    assert [value for value, _ in found] == [8, 10]
    assert len({os.getpid(), *(process for _, process in found)}) == 3
    assert {stage.what for stage in told} == {"doubling 4", "doubling 5"}


@several_cores
def test_an_error_of_a_job_is_raised_as_it_is() -> None:
    jobs: list[Pair] = [Doubles(4), Fails(PoolTooSmall("three messages", "Import more."))]
    with pytest.raises(PoolTooSmall, match="three messages") as raised:
        run_side_by_side(jobs, quiet)
    assert raised.value.next_step == "Import more."


@several_cores
def test_a_killed_process_is_an_error() -> None:
    jobs: list[Pair] = [IsKilled(), Doubles(4)]
    with pytest.raises(TrainingError, match="exit code -9"):
        run_side_by_side(jobs, quiet)
