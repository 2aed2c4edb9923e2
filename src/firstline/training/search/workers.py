"""Where evaluations run on this machine: processes that may fail, and end with their limits.

Each keeps to its share of the cores. One that takes too long, too much memory or crashes is a bad
evaluation, and another takes its place.
"""

import os
import pickle
import resource
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from threading import Lock, Thread
from typing import Self

from pebble import ProcessExpired, ProcessPool
from threadpoolctl import threadpool_limits

from firstline.training.search.evaluating import Bench, Outcome, evaluate
from firstline.training.search.space import Value
from firstline.training.side_by_side import end_with_parent, n_usable_cores

_MEMORY_FILE = Path("/proc/meminfo")
_SHARE_OF_MEMORY = 0.8
_POLL_S = 0.5
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


@dataclass(frozen=True)
class Limits:
    """Of one evaluation: `seconds` of the clock, and `memory_bytes` that it may fill."""

    seconds: float
    memory_bytes: int


def default_workers() -> int:
    """As many as there are cores."""
    return n_usable_cores()


def memory_share(n_workers: int) -> int:
    """The memory that each of so many may fill: together four fifths of what is free now."""
    return int(_SHARE_OF_MEMORY * _free_bytes() / n_workers)


def _free_bytes() -> int:
    try:
        lines = dict(line.split(":", 1) for line in _MEMORY_FILE.read_text("ascii").splitlines())
        return 1024 * int(lines["MemAvailable"].split()[0])
    except OSError:
        # Not Linux: all there is.
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


class Workers:
    """Processes on this machine, of `n_threads` each; 0: their share of the cores. Several threads may ask them.

    A bench is sent to each of them once; another bench gets other processes.
    To be used in a `with`, which ends them, whatever they do.
    """

    def __init__(self, limits: Limits, n_workers: int, n_threads: int = 0) -> None:
        self.limits = limits
        self.n_workers = n_workers
        self._n_threads = n_threads or max(1, n_usable_cores() // n_workers)
        self._starting = Lock()
        self._bench: Bench | None = None
        self._pool: ProcessPool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def evaluate(
        self,
        bench: Bench,
        many: Sequence[Mapping[str, Value]],
        rival: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Iterator[tuple[Mapping[str, Value], Outcome]]:
        """Each with its outcome, as it is known. After `deadline`, a time of `time.monotonic`, none is waited for."""
        pool = self._processes(bench)
        asked: dict[Future[Outcome], Mapping[str, Value]] = {}
        for settings in many:
            asked[pool.schedule(_evaluate, (dict(settings), tuple(rival)), timeout=self.limits.seconds)] = settings
        while asked:
            if deadline is not None and time.monotonic() >= deadline:
                self.__exit__()
                return
            done, _ = wait(asked, _POLL_S, FIRST_COMPLETED)
            for future in [one for one in asked if one in done]:
                yield asked.pop(future), self._outcome(future)

    def _processes(self, bench: Bench) -> ProcessPool:
        with self._starting:
            if self._pool is None or self._bench is not bench:
                self.__exit__()
                begin = (pickle.dumps(portable(bench)), self.limits.memory_bytes, self._n_threads)
                self._pool = ProcessPool(self.n_workers, 0, _begin, begin, get_context("spawn"))
                self._bench = bench
            return self._pool

    def _outcome(self, future: "Future[Outcome]") -> Outcome:
        try:
            return future.result()
        except TimeoutError:
            return Outcome(0.0, 0, self.limits.seconds, problem=f"It takes more than {self.limits.seconds:g} s.")
        except ProcessExpired as error:
            return Outcome(0.0, 0, 0.0, problem=f"Its process ended (exit code {error.exitcode}).")
        # What the process could not even begin with, for lack of memory perhaps.
        except Exception as error:
            return Outcome(0.0, 0, 0.0, problem=f"{type(error).__name__}: {error}")


def portable(bench: Bench) -> Bench:
    """A bench that can be sent elsewhere: it reports to nobody."""
    return replace(bench, context=replace(bench.context, report=_silent))


_bench: Bench | None = None


def _begin(sent: bytes, memory_bytes: int, n_threads: int) -> None:
    """What a process does first: keep to its share of cores and memory, and unpack the bench."""
    global _bench  # noqa: PLW0603 (a process has one)
    # Ctrl-C reaches the whole group; the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    os.environ.update(dict.fromkeys(_THREADS, str(n_threads)))
    threadpool_limits(n_threads)
    _bench = pickle.loads(sent)  # noqa: S301 (our own parent made it)


def _evaluate(settings: Mapping[str, Value], rival: Sequence[int]) -> Outcome:
    assert _bench is not None  # noqa: S101 (every process begins with one)
    return evaluate(_bench, settings, rival)


def _silent(stage: object) -> None:
    pass
