"""What happens to a line when the disk is full, the reader has gone, or nobody reads."""

import errno
import threading
from collections.abc import Callable, Sequence

import pytest

from firstline.serving.writing import Writer
from tests.service import wait_until


class Target:
    """Takes what it is given, once it may; `error` is raised as long as it is set."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.error: Exception | None = None
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_called = threading.Event()

    def __call__(self, items: Sequence[str]) -> None:
        self.is_called.set()
        self.may_go_on.wait(20)
        if self.error is not None:
            raise self.error
        self.taken += items


@pytest.fixture
def target() -> Target:
    return Target()


def test_what_is_put_is_written_in_order(target: Target) -> None:
    writer = Writer("test", target, 1_000)
    for number in range(5):
        writer.put(str(number), 10)
    wait_until(lambda: len(target.taken) == 5)
    assert target.taken == ["0", "1", "2", "3", "4"]
    writer.close()


def test_the_end_of_the_service_writes_what_is_left(target: Target) -> None:
    writer = Writer("test", target, 1_000)
    writer.put("last", 10)
    writer.close()
    assert target.taken == ["last"]


def test_a_reader_that_has_stopped_keeps_nobody_waiting(target: Target) -> None:
    target.may_go_on.clear()
    writer = Writer("test", target, 100)
    assert target.is_called.wait(20)
    for number in range(25):
        writer.put(str(number), 10)
    assert writer.n_dropped == 15
    writer.close(most_s=0.01)
    target.may_go_on.set()


def test_a_full_disk_holds_back_what_fits_and_drops_the_rest(target: Target) -> None:
    target.error = OSError(errno.ENOSPC, "No space left on device")
    writer = Writer("test", target, 100)
    wait_until(target.is_called.is_set)
    wait_until(lambda: writer.is_stuck)
    for number in range(25):
        writer.put(str(number), 10)
    assert writer.n_dropped == 15
    target.error = None
    wait_until(lambda: len(target.taken) == 10)
    assert target.taken == [str(number) for number in range(10)]
    writer.close()


def test_a_defect_costs_only_what_was_being_written(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    target.error = ZeroDivisionError()
    writer = Writer("test", target, 100)
    writer.put("lost", 10)
    wait_until(lambda: writer.n_dropped == 1)
    target.error = None
    writer.put("kept", 10)
    wait_until(lambda: target.taken == ["kept"])
    writer.close()


def test_threads_that_put_at_the_same_time_lose_nothing(target: Target) -> None:
    writer = Writer("test", target, 1_000_000)
    threads = [threading.Thread(target=_put_many, args=(writer.put,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert len(target.taken) == 2_000
    assert writer.n_dropped == 0


def _put_many(put: Callable[[str, int], None]) -> None:
    for _ in range(500):
        put("x", 1)
