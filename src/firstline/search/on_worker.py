"""Runs a task on a worker of a Dask cluster, in a separate process that stays for the next task."""

import pickle
import threading
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from multiprocessing import current_process

from dask.typing import Key
from distributed import get_worker
from distributed.worker import Worker

from firstline.search.identity import check_same, identity
from firstline.search.workers import Limits, Workers, memory_share
from firstline.training.place import Answer, Bench, Task


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
    steps = _pool(limits).run(_opened(sent.bench), [task], is_wanted=lambda: _is_wanted(worker, key))
    answers = [answer for _, answer in steps]
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


_own = threading.local()


def _pool(limits: Limits) -> Workers:
    """A process for the tasks of this thread, which stays for the next one of them."""
    pool: Workers | None = getattr(_own, "pool", None)
    if pool is None or pool.limits != limits:
        if pool is not None:
            pool.__exit__()
        # Dask's workers may have no children unless this is said; theirs end with them all the same.
        current_process()._config["daemon"] = False  # type: ignore[attr-defined]
        pool = _own.pool = Workers(limits, 1, 1)
    return pool


@lru_cache(maxsize=2)
def _opened(bench: bytes) -> Bench:
    """The same bench for the same bytes, so that processes that have it go on with it."""
    found: Bench = pickle.loads(bench)  # noqa: S301 (the one who asks has made it)
    return found
