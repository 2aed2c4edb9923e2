import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing import active_children
from multiprocessing.context import SpawnProcess

import psutil
import pytest

from firstline.errors import FirstlineError, ScoresNotFinite
from firstline.messages.ahead import by_another_core, in_other_processes


def running_children() -> list[int]:
    """Processes that this one has started and that still run.

    If two threads wait for a process at once, only one of them learns of its end, and Python goes on listing it.
    """
    return [one.pid for one in active_children() if one.pid is not None and psutil.pid_exists(one.pid)]


def squared(number: int) -> tuple[int, int]:
    if number < 0:
        raise ScoresNotFinite("no probabilities", "train again")
    if number > 1_000:
        os._exit(9)
    return os.getpid(), number * number


def doubled(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


def test_results_come_in_order_from_other_processes() -> None:
    made = list(in_other_processes(squared, range(20), 2))
    assert [square for _, square in made] == [number * number for number in range(20)]
    assert os.getpid() not in {process for process, _ in made}


def test_only_some_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_other_processes(squared, items(), 2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 10


def test_an_error_comes_with_its_next_step() -> None:
    with pytest.raises(ScoresNotFinite, match="no probabilities") as raised:
        list(in_other_processes(squared, [1, -1, 2], 1))
    assert raised.value.next_step == "train again"


def test_a_process_that_ends_is_an_error() -> None:
    with pytest.raises(FirstlineError, match="ended from outside"):
        list(in_other_processes(squared, [1, 2_000, 3], 1))


def test_a_list_of_results_is_made_one_after_the_other() -> None:
    assert list(by_another_core(doubled, range(2_500))) == list(range(0, 5_000, 2))


def endless(_: int) -> None:
    time.sleep(3_600)


def filling(_: int) -> bytes:
    """More than a pipe holds, so that the process is stopped while it sends."""
    return bytes(10_000_000)


def stopped_after(n: int) -> Iterator[int]:
    yield from range(n)
    raise KeyboardInterrupt


@pytest.mark.parametrize("n", [0, 1, 3])
def test_work_that_never_ends_does_not_hold_up_a_stop(n: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        list(in_other_processes(endless, stopped_after(n), 2))
    assert not running_children()


def test_a_stop_while_results_are_sent_ends_the_processes() -> None:
    results = in_other_processes(filling, range(100), 2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert not running_children()


def test_a_stop_just_after_a_process_started_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start = SpawnProcess.start

    def start_and_stop(self: SpawnProcess) -> None:
        start(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(SpawnProcess, "start", start_and_stop)
    with pytest.raises(KeyboardInterrupt):
        list(in_other_processes(squared, range(3), 2))
    assert not running_children()


STOPPED = """
import os, signal, sys, threading, time
from tests.unit.messages.test_ahead import squared
from firstline.messages.ahead import in_other_processes

def stop():
    os.killpg(0, signal.SIGINT)

def items():
    for number in range(200):
        if number == int(sys.argv[1]):
            threading.Timer(float(sys.argv[2]), stop).start()
        yield number
    time.sleep(30)

if __name__ == "__main__":
    for made in in_other_processes(squared, items(), 2):
        pass
"""


@pytest.mark.parametrize(("n", "after_s"), [(0, 0.0), (0, 0.01), (1, 0.0), (1, 0.2), (2, 0.4), (8, 0.0), (199, 0.0)])
def test_ctrl_c_to_the_whole_group_ends_every_process(n: int, after_s: float) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", STOPPED, str(n), str(after_s)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    # The processes hold the pipe as well, so it ends with the last of them.
    _, said = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGINT
    # The others say nothing.
    assert said.count(b"KeyboardInterrupt") == 1
