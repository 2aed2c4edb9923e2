"""Tasks on a Dask cluster: the bench goes to its workers once, and each task to one of them.

A worker that is lost costs time only: Dask gives its tasks to another. On the worker a task runs
in a process of its own, with the same limits as on one machine.
"""

import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing import current_process
from threading import Lock
from typing import Any, Self

from distributed import Future, as_completed, get_worker
from distributed.scheduler import KilledWorker

from firstline.errors import TrainingError
from firstline.training.provenance import CODE, identity
from firstline.training.search.connecting import connect
from firstline.training.search.evaluating import Answer, Bench, Task
from firstline.training.search.workers import Limits, Workers, memory_share, portable

_POLL_S = 0.5
_ALONE_S = 60.0


@dataclass(frozen=True)
class Sent:
    """A bench, pickled, and what the machine is that it comes from."""

    bench: bytes
    identity: dict[str, str]


class Cluster:
    """The workers of the scheduler at `address`, tcp://host:8786; to be used in a `with`."""

    def __init__(self, address: str, limits: Limits) -> None:
        self.address = address
        self.limits = limits
        self._bench: Bench | None = None
        self._sent: Any = None

    def __enter__(self) -> Self:
        """Raises `TrainingError` where no scheduler answers, or it has no workers."""
        self._client = connect(self.address)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    @property
    def n_workers(self) -> int:
        return len(self._client.nthreads())

    def run(
        self, bench: Bench, tasks: Sequence[Task[Answer]], deadline: float | None = None
    ) -> Iterator[tuple[Task[Answer], Answer]]:
        """As `Workers.run`; the tasks are on their way when this returns."""
        if self._bench is not bench:
            sent = Sent(pickle.dumps(portable(bench)), identity())
            self._sent = self._client.scatter(sent, broadcast=True)
            self._bench = bench
        asked: dict[Any, Task[Answer]] = {}
        futures = []
        for task in tasks:
            future = self._client.submit(run_there, self._sent, task, self.limits, pure=False)
            asked[future.key] = task
            futures.append(future)
        return self._collected(asked, futures, deadline)

    def _collected(
        self, asked: dict[Any, Task[Answer]], futures: list[Any], deadline: float | None
    ) -> Iterator[tuple[Task[Answer], Answer]]:
        last_seen = time.monotonic()
        done = as_completed(futures, loop=self._client.loop)
        while asked:
            if deadline is not None and time.monotonic() >= deadline:
                self._client.cancel(futures)
                return
            if done.is_empty():
                if self.n_workers:
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > _ALONE_S:
                    raise TrainingError(f"All workers of {self.address} are gone.", "Start some, then run this again.")
                time.sleep(_POLL_S)
                continue
            found = next(done)
            task = asked.pop(found.key)
            yield task, answer_of(task, found)


def answer_of(task: Task[Answer], future: "Future[Answer]") -> Answer:
    """What a future holds. Raises `TrainingError` where a worker cannot do such tasks at all."""
    try:
        answer: Answer = future.result()
        return answer
    except KilledWorker as error:
        return task.failed(f"It ended several workers: {error.last_worker.address}.", 0.0)
    # What is wrong with a worker is wrong with every task there.
    except Exception as error:
        raise TrainingError(
            f"A worker of the cluster cannot take part: {type(error).__name__}: {error}.",
            "Install the same versions of Python and Firstline there, with the extras that the candidate needs.",
        ) from error


_workers: Workers | None = None
_opened: tuple[Sent, Bench] | None = None
_opening = Lock()


class Different(Exception):
    """A worker is not like the machine that asks."""


def check_same(asking: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raises `Different` where something that both have is another version."""
    other = [name for name in asking if here.get(name, asking[name]) != asking[name]]
    if other:
        said = ", ".join(f"{name} {here[name]} instead of {asking[name]}" for name in other if name != CODE)
        raise Different(said or "another version of Firstline's code")


def run_there(sent: Sent, task: Task[Answer], limits: Limits) -> Answer:
    """What a worker of the cluster does; its processes for tasks stay for the next ones."""
    global _workers, _opened  # noqa: PLW0603 (a worker has one)
    with _opening:
        worker = get_worker()
        n_threads = worker.state.nthreads
        if limits.memory_bytes is None:
            # Dask's own limit is for all that the worker does, and knows how many workers a machine has.
            whole = worker.memory_manager.memory_limit
            limits = replace(limits, memory_bytes=whole // n_threads if whole else memory_share(n_threads))
        if _workers is None or _workers.limits != limits:
            # Dask's workers may have no children unless this is said; theirs end with them all the same.
            current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            _workers = Workers(limits, n_threads, 1)
        if _opened is None or _opened[0] != sent:
            check_same(sent.identity, identity())
            _opened = sent, pickle.loads(sent.bench)  # noqa: S301 (the one who asks has made it)
        workers, bench = _workers, _opened[1]
    ((_, answer),) = workers.run(bench, [task])
    return answer
