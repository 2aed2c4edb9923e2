"""Evaluations on a Dask cluster: the bench goes to its workers once, and each evaluation to one of them.

A worker that is lost costs time only: Dask gives its evaluations to another. On the worker an evaluation runs
in a process of its own, with the same limits as on one machine.
"""

import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import current_process
from threading import Lock
from typing import Any, Self

from distributed import Client, Future, as_completed, get_worker
from distributed.scheduler import KilledWorker

from firstline.errors import TrainingError
from firstline.training.search.evaluating import Bench, Outcome
from firstline.training.search.space import Value
from firstline.training.search.workers import Limits, Workers, portable

_CONNECT_S = 10
_POLL_S = 0.5
_ALONE_S = 60.0


class Cluster:
    """The workers of the scheduler at `address`, tcp://host:8786; to be used in a `with`."""

    def __init__(self, address: str, limits: Limits) -> None:
        self.address = address
        self.limits = limits
        self._bench: Bench | None = None
        self._sent: Any = None

    def __enter__(self) -> Self:
        """Raises `TrainingError` where no scheduler answers, or it has no workers."""
        try:
            self._client = Client(self.address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise TrainingError(
                f"No Dask scheduler answers at {self.address}: {error}.", "Start one: dask scheduler"
            ) from None
        if not self.n_workers:
            self._client.close()
            raise TrainingError(
                f"The Dask scheduler at {self.address} has no workers.", f"Start one: dask worker {self.address}"
            )
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    @property
    def n_workers(self) -> int:
        return len(self._client.nthreads())

    def evaluate(
        self,
        bench: Bench,
        many: Sequence[Mapping[str, Value]],
        rival: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Iterator[tuple[Mapping[str, Value], Outcome]]:
        """As `Workers.evaluate`."""
        if self._bench is not bench:
            self._sent = self._client.scatter(pickle.dumps(portable(bench)), broadcast=True)
            self._bench = bench
        asked: dict[Any, Mapping[str, Value]] = {}
        futures = []
        for settings in many:
            future = self._client.submit(
                evaluate_there, self._sent, dict(settings), tuple(rival), self.limits, pure=False
            )
            asked[future.key] = settings
            futures.append(future)
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
                    raise TrainingError(f"All workers of {self.address} are gone.", "Start some; the search goes on.")
                time.sleep(_POLL_S)
                continue
            found = next(done)
            yield asked.pop(found.key), outcome_of(found)


def outcome_of(future: "Future[Outcome]") -> Outcome:
    """What a future holds. Raises `TrainingError` where a worker cannot evaluate at all."""
    try:
        outcome: Outcome = future.result()
        return outcome
    except KilledWorker as error:
        return Outcome(0.0, 0, 0.0, problem=f"It ended several workers: {error.last_worker.address}.")
    # What is wrong with a worker is wrong with every evaluation there.
    except Exception as error:
        raise TrainingError(
            f"A worker of the cluster cannot evaluate: {type(error).__name__}: {error}.",
            "Install the same versions of Python and Firstline there, with the extras that the candidate needs.",
        ) from error


_workers: Workers | None = None
_benches: dict[bytes, Bench] = {}
_opening = Lock()


def evaluate_there(sent: bytes, settings: Mapping[str, Value], rival: Sequence[int], limits: Limits) -> Outcome:
    """What a worker of the cluster does; its processes for evaluations stay for the next ones."""
    global _workers  # noqa: PLW0603 (a worker has one)
    with _opening:
        if _workers is None or _workers.limits != limits:
            # Dask's workers may have no children unless this is said; theirs end with them all the same.
            current_process()._config["daemon"] = False  # type: ignore[attr-defined]
            _workers = Workers(limits, get_worker().state.nthreads, 1)
        if sent not in _benches:
            _benches.clear()
            _benches[sent] = pickle.loads(sent)  # noqa: S301 (the search that asks has made it)
        workers, bench = _workers, _benches[sent]
    ((_, outcome),) = workers.evaluate(bench, [settings], rival)
    return outcome
