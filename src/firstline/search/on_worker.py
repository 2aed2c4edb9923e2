"""Runs a task on a worker of a Dask cluster, in a separate process that stays for the next task."""

import pickle
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import current_process
from threading import Lock

from dask.typing import Key
from distributed import get_worker
from distributed.worker import Worker

from firstline.search.workers import Limits, Workers, memory_share
from firstline.training.place import Answer, Bench, Task
from firstline.training.provenance import check_same, identity


@dataclass(frozen=True)
class Sent:
    """A bench, pickled, and what the machine is that it comes from."""

    bench: bytes
    identity: dict[str, str]


class NotWanted(Exception):
    """The answer is no longer needed."""


def run_there(sent: Sent, task: Task[Answer], limits: Limits) -> Answer:
    """Raises `MachineDiffers` on a machine that would give other answers."""
    worker = get_worker()
    key = worker.get_current_task()
    check_same(sent.identity, identity(), worker.address)
    if limits.memory_bytes is None:
        limits = replace(limits, memory_bytes=_own_share(worker))
    pool = _idle.take(limits)
    try:
        answers = [answer for _, answer in pool.run(_opened(sent), [task], is_wanted=lambda: _is_wanted(worker, key))]
    finally:
        _idle.put(pool)
    if not answers:
        raise NotWanted(key)
    return answers[0]


def _is_wanted(worker: Worker, key: Key) -> bool:
    """Whether the task was not cancelled, nor its asker lost."""
    state = worker.state.tasks.get(key)
    return state is not None and state.state == "executing"


def _own_share(worker: Worker) -> int:
    """What one thread's task may fill: Dask's own limit, which knows how many workers the machine has."""
    n_threads = worker.state.nthreads
    whole = worker.memory_manager.memory_limit
    return whole // n_threads if whole else _free_share(n_threads)


# Once, since tasks that have the same limits share processes.
_free_share = cache(memory_share)


class _Idle:
    """Processes that wait for a task; each is used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._pools: list[Workers] = []

    def take(self, limits: Limits) -> Workers:
        with self._lock:
            # Dask's workers may have no children unless this is said; theirs end with them all the same.
            current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            pool = self._pools.pop() if self._pools else None
        if pool and pool.limits != limits:
            pool.__exit__()
            pool = None
        return pool or Workers(limits, 1, 1)

    def put(self, pool: Workers) -> None:
        with self._lock:
            self._pools.append(pool)


_idle = _Idle()
_last: tuple[Sent, Bench] | None = None
_opening = Lock()


def _opened(sent: Sent) -> Bench:
    """The same bench for the same bytes, so that processes that have it can reuse it."""
    global _last  # noqa: PLW0603 (a worker has one)
    with _opening:
        if _last is None or _last[0] != sent:
            _last = sent, pickle.loads(sent.bench)  # noqa: S301 (the one who asks has made it)
        return _last[1]
