"""Runs tasks on this machine, in processes that may fail and have limits.

Each process uses its share of the cores. A task that takes too long, needs too much memory or crashes has failed, and
a new process replaces the one it ran in.
"""

import os
import pickle
import resource
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, Self

import psutil
from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from firstline.errors import kind_of
from firstline.processes import begin_as_child, n_usable_cores
from firstline.training.place import Answer, Bench, Task

_SHARE_OF_MEMORY = 0.8
_POLL_S = 0.5
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


@dataclass(frozen=True)
class Limits:
    """Of one task: `seconds` of the clock, and `memory_bytes` that it may fill.

    None: any time; four fifths of what is free where it runs.
    """

    seconds: float | None = None
    memory_bytes: int | None = None


def memory_share(n_workers: int) -> int:
    """The memory that each of so many may fill: together four fifths of what is free now."""
    return int(_SHARE_OF_MEMORY * psutil.virtual_memory().available / n_workers)


class Workers:
    """Processes on this machine, of `n_threads` each; 0: their share of the cores.

    A bench is sent to each of them once; another bench gets other processes.
    To be used in a `with`, which ends them, whatever they do.
    """

    def __init__(self, limits: Limits, n_workers: int, n_threads: int = 0) -> None:
        self.limits = limits
        self.n_workers = n_workers
        self._n_threads = n_threads or max(1, n_usable_cores() // n_workers)
        self._bench: Bench | None = None
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def run(
        self,
        bench: Bench,
        tasks: Sequence[Task[Answer]],
        deadline: float | None = None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        """Each with its answer, as it is known.

        After `deadline`, a time of `time.monotonic`, or when nothing `is_wanted`, none is waited for.
        """
        pool = self._processes(bench)
        asked: dict[Future[Answer], Task[Answer]] = {}
        for task in tasks:
            asked[pool.schedule(_run, (task,), timeout=self.limits.seconds)] = task
        try:
            while asked and (deadline is None or time.monotonic() < deadline) and is_wanted():
                done, _ = wait(asked, _POLL_S, FIRST_COMPLETED)
                for future in [one for one in asked if one in done]:
                    task = asked.pop(future)
                    yield task, self._answer(task, future)
        finally:
            if asked:
                self.__exit__()

    def _processes(self, bench: Bench) -> ProcessPool:
        # One whose processes could not even begin is of no use any more.
        if self._pool is None or self._bench is not bench or not self._pool.active:
            self.__exit__()
            begin = (pickle.dumps(portable(bench)), self.limits.memory_bytes, self._n_threads)
            self._pool = ProcessPool(self.n_workers, 0, _begin, begin, get_context("spawn"))
            self._bench = bench
        return self._pool

    def _answer(self, task: Task[Answer], future: "Future[Answer]") -> Answer:
        try:
            return future.result()
        except TimeoutError:
            seconds = self.limits.seconds or 0.0
            return task.failed(f"It takes more than {seconds:g} s.", seconds)
        except ProcessExpired as error:
            return task.failed(f"Its process ended (exit code {error.exitcode}).", 0.0)
        # What the process could not even begin with, for lack of memory perhaps.
        except Exception as error:
            return task.failed(kind_of(error), 0.0)


def portable(bench: Bench) -> Bench:
    """A bench that can be sent elsewhere: it reports to nobody, waits for no other worker, and its paths are whole."""
    context = bench.context
    folder, workspace = (path.resolve() if path else None for path in (context.folder, context.workspace))
    return replace(bench, context=replace(context, report=_silent, cluster=None, folder=folder, workspace=workspace))


_bench: Bench | None = None


def _begin(sent: bytes, memory_bytes: int | None, n_threads: int) -> None:
    """What a process does first: keep to its share of cores and memory, and unpack the bench."""
    global _bench  # noqa: PLW0603 (a process has one)
    begin_as_child()
    most = memory_bytes if memory_bytes is not None else memory_share(1)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    os.environ.update(dict.fromkeys(_THREADS, str(n_threads)))
    threadpool_limits(n_threads)
    _bench = pickle.loads(sent)  # noqa: S301 (our own parent made it)


def _run(task: Task[Any]) -> Any:
    assert _bench is not None  # noqa: S101 (every process begins with one)
    return task(_bench)


def _silent(stage: object) -> None:
    pass
