"""Where the folds of a candidate are trained: what training expects of other processes and machines.

Training knows nothing else about them. `search.workers` and `search.cluster` are such places, and the command line
passes one in.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from firstline.errors import FirstlineError, kind_of
from firstline.neural.memory import is_out_of_memory
from firstline.store.messages import Labelled
from firstline.training.candidates.base import Context

Answer = TypeVar("Answer", covariant=True)


@dataclass(frozen=True)
class Bench:
    """What all tasks on one candidate share; it is sent to where they run."""

    candidate: str
    data: Labelled
    context: Context
    folds: int
    seed: int

    @property
    def truth(self) -> NDArray[np.int64]:
        """The places of the messages' classes among the sorted ones, (n_messages,)."""
        return np.unique(self.data.labels, return_inverse=True)[1]


class Task(Protocol[Answer]):
    """Work on a bench that can be sent to where it is done."""

    def __call__(self, bench: Bench) -> Answer: ...

    def failed(self, problem: str, seconds: float) -> Answer:
        """The answer to use if none came."""


class Place(Protocol):
    """Where tasks run. `deadline` is a time of `time.monotonic`."""

    def run(
        self, bench: Bench, tasks: Sequence[Task[Answer]], deadline: float | None = None
    ) -> Generator[tuple[Task[Answer], Answer], None, None]:
        """Each task with its answer, as it comes; fewer if time is up. Closing it stops the tasks still running."""


def problem_of(error: Exception) -> str:
    """In a sentence."""
    if isinstance(error, FirstlineError):
        return error.message
    return "Out of memory." if is_out_of_memory(error) else kind_of(error)
