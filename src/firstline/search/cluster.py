"""Tasks on a Dask cluster: the bench goes to its workers once, and each task to one of them.

A worker that is lost costs time only: Dask gives its tasks to others.
"""

import pickle
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, closing
from typing import Any, Self, TypeVar

from distributed import Client, Future
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from firstline.errors import ClusterLost, TrainingError, kind_of
from firstline.search.connecting import connect
from firstline.search.identity import identity
from firstline.search.on_worker import Sent, run_there
from firstline.search.parts import Failed, Parcel, SentWork, work_there
from firstline.search.workers import Limits, portable
from firstline.training.place import Answer, Bench, Task

Given = TypeVar("Given")
Made = TypeVar("Made")

_POLL_S = 0.1
_ALONE_S = 60.0
_RETRIES = 3
_MOST_AHEAD = 4


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

    def connected(self) -> AbstractContextManager[Client]:
        """Another client of it, for a candidate that `spreads`."""
        return closing(connect(self.address))

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
            # A task as well, so Dask makes it again where it went with its worker.
            self._sent = self._submit(Sent, pickle.dumps(portable(bench)), identity())
            self._bench = bench
        asked = {self._submit(run_there, self._sent, task, self.limits): task for task in tasks}
        return self._collected(asked, deadline)

    def in_order(self, work: Callable[[Given], Made], parts: Iterable[Given]) -> Iterator[Made]:
        """`work` for each part, in order, computed a few parts ahead by the workers.

        `work` is sent to each of them once; it and the parts must be picklable. What it raises is raised here. Raises
        `ClusterLost` if the scheduler or all workers are gone, or if a part ends several of them.
        """
        sent = self._submit(SentWork, pickle.dumps(work), identity())
        ahead: deque[Future[Made | Failed]] = deque()
        try:
            for part in parts:
                ahead.append(self._submit(work_there, sent, Parcel(pickle.dumps(part))))
                if len(ahead) > _MOST_AHEAD * self.n_workers:
                    yield self._made(ahead.popleft())
            while ahead:
                yield self._made(ahead.popleft())
        finally:
            if ahead and self._client.status == "running":
                self._client.cancel(list(ahead))

    def _made(self, future: "Future[Made | Failed]") -> Made:
        last_seen = time.monotonic()
        while True:
            try:
                made = future.result(timeout=_POLL_S)
            except TimeoutError:
                last_seen = self._last_seen(last_seen)
                continue
            except (CancelledError, CommClosedError) as error:
                raise self._lost() from error
            except KilledWorker as error:
                raise ClusterLost(
                    f"A part of the work ended several workers of {self.address}.", "Give them more memory."
                ) from error
            if isinstance(made, Failed):
                raise made.error
            return made

    def _last_seen(self, last_seen: float) -> float:
        """When workers were last seen, in the time of `time.monotonic`. Raises `ClusterLost` if that is long ago."""
        if self._client.status != "running":
            raise self._lost()
        if self.n_workers:
            return time.monotonic()
        if time.monotonic() - last_seen > _ALONE_S:
            raise ClusterLost(f"All workers of {self.address} are gone.", "Start some, then run this again.")
        return last_seen

    def _submit(self, function: Callable[..., Any], *arguments: object) -> "Future[Any]":
        with warnings.catch_warnings():
            # A model may have hundreds of megabytes, and goes there once.
            warnings.filterwarnings("ignore", "Sending large graph")
            return self._client.submit(function, *arguments, pure=False, retries=_RETRIES)

    def _collected(
        self, asked: "dict[Future[Answer], Task[Answer]]", deadline: float | None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        last_seen = time.monotonic()
        try:
            while asked and (deadline is None or time.monotonic() < deadline):
                for future in [future for future in asked if future.done()]:
                    task = asked.pop(future)
                    try:
                        answer = answer_of(task, future)
                    except (CancelledError, CommClosedError) as error:
                        raise self._lost() from error
                    yield task, answer
                last_seen = self._last_seen(last_seen)
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

    Raises `CancelledError` or `CommClosedError` where the scheduler is lost, `TrainingError` where a worker cannot do
    such tasks at all.
    """
    try:
        answer: Answer = future.result()
        return answer
    except KilledWorker as error:
        return task.failed(f"It ended several workers: {error.last_worker.address}.", 0.0)
    except (CancelledError, CommClosedError):
        raise
    # What is wrong with a worker is wrong with every task there.
    except Exception as error:
        raise TrainingError(
            f"A worker of the cluster cannot take part: {kind_of(error)}.",
            "Install the same versions of Python and Firstline there, with the extras that the candidate needs.",
        ) from error
