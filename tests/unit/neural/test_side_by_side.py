import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from firstline.errors import PoolTooSmall, TrainingError
from firstline.neural.side_by_side import Job, run_side_by_side
from firstline.steps import Stage

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
class Waits:
    """Writes the number of its process into a file, then works for a minute."""

    file: Path

    def __call__(self, report: Report) -> tuple[int, int]:
        self.file.write_text(str(os.getpid()))
        time.sleep(60)
        return 0, 0


@dataclass(frozen=True)
class IsKilled:
    def __call__(self, report: Report) -> tuple[int, int]:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0, 0


Pair = Job[tuple[int, int]]


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes are started, whatever this machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})


def quiet(stage: Stage) -> None:
    pass


def test_one_job_runs_here() -> None:
    told: list[Stage] = []
    assert run_side_by_side([Doubles(4)], told.append) == [(8, os.getpid())]
    assert [stage.what for stage in told] == ["doubling 4"]


def test_on_one_core_all_jobs_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert run_side_by_side([Doubles(4), Doubles(5)], quiet) == [(8, os.getpid()), (10, os.getpid())]


@dataclass(frozen=True)
class SaysWhen:
    """Works for a while; tells its number, its process, and when it began and ended."""

    number: int

    def __call__(self, report: Report) -> tuple[int, int, float, float]:
        report(Stage(f"job {self.number}", 1, 1))
        started = time.time()
        time.sleep(0.3)
        return self.number, os.getpid(), started, time.time()


@pytest.mark.usefixtures("two_cores")
def test_several_jobs_run_in_processes_of_their_own_as_many_at_once_as_there_are_cores() -> None:
    told: list[Stage] = []
    found = run_side_by_side([SaysWhen(4), SaysWhen(5), SaysWhen(6)], told.append)
    assert [number for number, *_ in found] == [4, 5, 6]
    assert len({os.getpid(), *(process for _, process, *_ in found)}) == 4
    assert {stage.what for stage in told} == {"job 4", "job 5", "job 6"}
    at_once = [sum(start <= moment < end for *_, start, end in found) for *_, moment, _ in found]
    assert max(at_once) <= 2


@pytest.mark.usefixtures("two_cores")
def test_an_error_of_a_job_is_raised_as_it_is() -> None:
    jobs: list[Pair] = [Doubles(4), Fails(PoolTooSmall("three messages", "Import more."))]
    with pytest.raises(PoolTooSmall, match="three messages") as raised:
        run_side_by_side(jobs, quiet)
    assert raised.value.next_step == "Import more."


@pytest.mark.usefixtures("two_cores")
def test_a_killed_process_is_an_error() -> None:
    jobs: list[Pair] = [IsKilled(), Doubles(4)]
    with pytest.raises(TrainingError, match="exit code -9"):
        run_side_by_side(jobs, quiet)


def test_the_processes_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from firstline.neural.side_by_side import run_side_by_side\n"
        "from tests.unit.neural.test_side_by_side import Waits\n"
        "os.sched_getaffinity = lambda _: {0, 1}\n"
        "if __name__ == '__main__':\n"
        "    run_side_by_side([Waits(Path(name)) for name in sys.argv[1:]], print)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    root = Path(__file__).parents[3]
    parent = subprocess.Popen([sys.executable, script, *files], env={**os.environ, "PYTHONPATH": str(root)})
    assert comes_true(lambda: all(file.exists() and file.read_text() for file in files))
    parent.kill()
    parent.wait()
    numbers = [int(file.read_text()) for file in files]
    assert comes_true(lambda: not any(is_running(number) for number in numbers))


def comes_true(condition: Callable[[], bool]) -> bool:
    """Whether it does so within 30 seconds."""
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def is_running(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE
