"""Processes the rows of a large file in other processes, while this one reads them and writes the results."""

import gc
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.queues import SimpleQueue
from typing import Any, TypeVar

from firstline.errors import FirstlineError
from firstline.processes import begin_as_child

Given = TypeVar("Given")
Made = TypeVar("Made")
Work = Callable[[list[Given]], list[Made]]
_CHUNK = 1_000
_MOST_AHEAD = 3
_N_PROCESSES = 2
_END_S = 5.0
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def by_another_core(work: Work[Given, Made], items: Iterable[Given]) -> Iterator[Made]:
    """The results of `work` for the items, in order, computed a few thousand items ahead in other processes.

    `work` is sent there once; it and the items must be picklable. What it raises is raised here.
    """
    # Two, since this process does a third of the work: together they keep two cores busy.
    for made in in_other_processes(work, _chunks(items), _N_PROCESSES):
        yield from made


def in_other_processes(work: Callable[[Given], Made], items: Iterable[Given], n_processes: int) -> Iterator[Made]:
    """`work` for each item, in order, computed a few items ahead; the rest as in `by_another_core`.

    If the caller stops, they are ended, whatever they are doing. Raises `FirstlineError` if one of the processes ends
    before its time.
    """
    workers = _Workers()
    pool = ProcessPoolExecutor(n_processes, workers, _begin, (pickle.dumps(work),))
    ahead: deque[Future[Made]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(_run, item))
            if len(ahead) > _MOST_AHEAD * n_processes:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
        pool.shutdown()
    except BrokenProcessPool as error:
        raise FirstlineError(
            "A process of this command was ended from outside, or could not begin.",
            "Free some memory, then run the command again.",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        workers.end()


def _chunks(items: Iterable[Given]) -> Iterator[list[Given]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


class _Worker(SpawnProcess):
    """A process that never hears Ctrl-C, not even before `begin_as_child`."""

    def start(self) -> None:
        if not hasattr(signal, "pthread_sigmask"):
            super().start()
            return
        # What a thread blocks, the processes that it starts have blocked as well.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Workers(SpawnContext):
    """Makes the processes and the queues of a pool, and remembers them.

    Ctrl-C may come after a process has started and before the pool knows of it. The pool would never end that one, and
    this process would wait for it at its own end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._processes: list[SpawnProcess] = []
        self._results: list[SimpleQueue[Any]] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802 (its name)
        # Python ends daemons at its own end, if a second Ctrl-C comes during `end`.
        process = _Worker(*args, daemon=True, **kwargs)
        self._processes.append(process)
        return process

    def SimpleQueue(self) -> "SimpleQueue[Any]":  # noqa: N802 (its name)
        queue = super().SimpleQueue()
        self._results.append(queue)
        return queue

    def end(self) -> None:
        """End every process that was started, by force if it must be; what they were doing is lost."""
        started = [process for process in self._processes if process.pid is not None]
        for process in started:
            process.terminate()
        for process in started:
            process.join(_END_S)
            if process.is_alive():
                process.kill()
                process.join()
        for queue in self._results:
            # A killed process may have sent half a result, and the pool's thread would wait for the rest.
            queue._writer.close()  # type: ignore[attr-defined]


_work: Callable[[Any], Any] | None = None


def _begin(work: bytes) -> None:
    global _work  # noqa: PLW0603 (a process has one)
    begin_as_child()
    # Before NumPy is imported: each process has a core, and threads would only wait for one another.
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    # Nothing made here has reference cycles, and looking for them takes a tenth of the time.
    gc.disable()
    _work = pickle.loads(work)  # noqa: S301 (our own parent made it)


def _run(item: Any) -> Any:
    assert _work is not None  # noqa: S101 (every process begins with it)
    return _work(item)
