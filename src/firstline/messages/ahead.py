"""Processes the rows of a large file in other processes, while this one writes to the database."""

import gc
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar

from firstline.processes import begin_as_child

Given = TypeVar("Given")
Made = TypeVar("Made")
Work = Callable[[list[Given]], list[Made]]
_CHUNK = 1_000
_MOST_AHEAD = 6
_N_PROCESSES = 2


def by_another_core(work: Work[Given, Made], items: Iterable[Given]) -> Iterator[Made]:
    """The results of `work` for the items, in order, computed a few thousand items ahead in other processes.

    `work` is sent there once; it and the items must be picklable. What it raises is raised here.
    """
    # Two, since this process does a third of the work: together they keep two cores busy.
    pool = ProcessPoolExecutor(_N_PROCESSES, get_context("spawn"), _begin, (work,))
    ahead: deque[Future[list[Made]]] = deque()
    try:
        for chunk in _chunks(items):
            ahead.append(pool.submit(_run, chunk))
            if len(ahead) > _MOST_AHEAD:
                yield from ahead.popleft().result()
        while ahead:
            yield from ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(items: Iterable[Given]) -> Iterator[list[Given]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


_work: Callable[[Any], Any] | None = None


def _begin(work: Callable[[Any], Any]) -> None:
    global _work  # noqa: PLW0603 (a process has one)
    begin_as_child()
    # Nothing made here has reference cycles, and looking for them takes a tenth of the time.
    gc.disable()
    _work = work


def _run(chunk: list[Any]) -> Any:
    assert _work is not None  # noqa: S101 (every process begins with it)
    return _work(chunk)
