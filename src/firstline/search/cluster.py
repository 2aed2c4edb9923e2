"""Tasks on a Dask cluster: the bench goes to its workers once, and each task to one of them.

A lost worker costs only time: others take over its tasks, and get the bench again if it was lost, too.
"""

import pickle
import time
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError
from typing import Any, Self

from distributed import Future
from distributed.scheduler import KilledWorker

from firstline.errors import ClusterLost, TrainingError, kind_of
from firstline.search.on_worker import Sent, run_there
from firstline.search.workers import Limits, portable
from firstline.training.connecting import connect
from firstline.training.place import Answer, Bench, Task
from firstline.training.provenance import identity

_POLL_S = 0.1
_ALONE_S = 60.0
_MOST_LOSSES = 3


class Cluster:
    """The workers of the scheduler at `address`, tcp://host:8786; to be used in a `with`."""

    def __init__(self, address: str, limits: Limits) -> None:
        self.address = address
        self.limits = limits
        self._bench: Bench | None = None
        self._sent: Any = None

    def __enter__(self) -> Self:
        """Raises what `connect` raises."""
        self._client = connect(self.address)
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    @property
    def n_workers(self) -> int:
        """Raises `ClusterLost` if the scheduler does not answer."""
        try:
            return len(self._client.nthreads())
        except (OSError, TimeoutError, ValueError) as error:
            raise self._lost() from error

    def run(
        self, bench: Bench, tasks: Sequence[Task[Answer]], deadline: float | None = None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        """As `Workers.run`; the tasks are on their way when this returns.

        Closing it cancels unfinished tasks. Raises `ClusterLost` if the scheduler or all workers are gone.
        """
        if self._bench is not bench:
            self._send(bench)
        return self._collected(bench, {self._submit(task): task for task in tasks}, deadline)

    def _send(self, bench: Bench) -> None:
        self._sent = self._client.scatter(Sent(pickle.dumps(portable(bench)), identity()), broadcast=True)
        self._bench = bench

    def _submit(self, task: Task[Answer]) -> "Future[Answer]":
        return self._client.submit(run_there, self._sent, task, self.limits, pure=False)

    def _collected(
        self, bench: Bench, asked: "dict[Future[Answer], Task[Answer]]", deadline: float | None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        losses: Counter[Task[Answer]] = Counter()
        last_seen = time.monotonic()
        try:
            while asked and (deadline is None or time.monotonic() < deadline):
                lost = []
                for future in [future for future in asked if future.done()]:
                    task = asked.pop(future)
                    try:
                        answer = answer_of(task, future)
                    # With its worker, or on the way from there; what a task itself raises is in its answer.
                    except (CancelledError, OSError):
                        losses[task] += 1
                        if losses[task] <= _MOST_LOSSES:
                            lost.append(task)
                            continue
                        answer = task.failed("It ended several workers.", 0.0)
                    yield task, answer
                if self._client.status != "running":
                    raise self._lost()
                if self.n_workers:
                    last_seen = time.monotonic()
                elif time.monotonic() - last_seen > _ALONE_S:
                    raise ClusterLost(f"All workers of {self.address} are gone.", "Start some, then run this again.")
                if lost:
                    # The bench was with the worker that is gone.
                    self._send(bench)
                    asked |= {self._submit(task): task for task in lost}
                time.sleep(_POLL_S)
        finally:
            if asked and self._client.status == "running":
                self._client.cancel(list(asked))

    def _lost(self) -> ClusterLost:
        return ClusterLost(
            f"The Dask scheduler at {self.address} does not answer any more.", "Start it, then run this again."
        )


def answer_of(task: Task[Answer], future: "Future[Answer]") -> Answer:
    """What a future holds.

    Raises `CancelledError` or `OSError` if it is lost, `TrainingError` if a worker cannot do such tasks at all.
    """
    try:
        answer: Answer = future.result()
        return answer
    except KilledWorker as error:
        return task.failed(f"It ended several workers: {error.last_worker.address}.", 0.0)
    except (CancelledError, OSError):
        raise
    # What is wrong with a worker is wrong with every task there.
    except Exception as error:
        raise TrainingError(
            f"A worker of the cluster cannot take part: {kind_of(error)}.",
            "Install the same versions of Python and Firstline there, with the extras that the candidate needs.",
        ) from error
