"""Processes the rows of a large file in other processes, while this one reads them and writes the results."""

import gc
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

from firstline.errors import FirstlineError
from firstline.processes import begin_as_child

Given = TypeVar("Given")
Made = TypeVar("Made")
Work = Callable[[list[Given]], list[Made]]
_CHUNK = 1_000
_MOST_AHEAD = 3
_N_PROCESSES = 2
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

    Raises `FirstlineError` if one of the processes ends before its time.
    """
    pool = ProcessPoolExecutor(n_processes, get_context("spawn"), _begin, (pickle.dumps(work),))
    ahead: deque[Future[Made]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(_run, item))
            if len(ahead) > _MOST_AHEAD * n_processes:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    except BrokenProcessPool as error:
        raise FirstlineError(
            "A process of this command was ended from outside, or could not begin.",
            "Free some memory, then run the command again.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(items: Iterable[Given]) -> Iterator[list[Given]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


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
