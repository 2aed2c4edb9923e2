"""What a cost model is told, and what it says."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from firstline.store.messages import Labelled
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import all_messages
from firstline.types import Message

Made = TypeVar("Made")
Item = TypeVar("Item")

_FACTOR = 2.0
"""How far an estimate may be from what comes true, either way."""


@dataclass(frozen=True)
class Workload:
    """What a training would read: `folds` trainings on part of the labels, `repeats` times, then one on all of them.

    `is_compared_only`: without the last one. `before` are the candidates that have had their turn by then, and may
    have left something to share.
    """

    data: Labelled
    context: Context
    folds: int
    repeats: int = 1
    before: tuple[str, ...] = ()
    is_compared_only: bool = False

    @property
    def n_labelled(self) -> int:
        return len(self.data.messages)

    @property
    def n_classes(self) -> int:
        return len(set(self.data.labels))

    @property
    def everything(self) -> list[Message]:
        return [*self.data.messages, *self.data.unlabelled]

    @property
    def prepared(self) -> list[Message]:
        """What a candidate is prepared for: names of classes, too."""
        return all_messages(self.context, self.data)

    @property
    def learned(self) -> list[float]:
        """How many labelled messages each of the trainings learns from."""
        in_a_fold = self.n_labelled * (self.folds - 1) / self.folds
        return [in_a_fold] * (self.folds * self.repeats) + [float(self.n_labelled)] * (not self.is_compared_only)


@dataclass(frozen=True)
class Cost:
    """Of all folds and the training on all labels: wall-clock time on this machine, peak memory, disk that stays."""

    seconds: float
    memory_bytes: int
    disk_bytes: int


@dataclass(frozen=True)
class Estimate:
    """What a candidate would take; the figures are None where they are not known, `reason` then says why."""

    candidate: str
    makes_sense: bool
    reason: str
    seconds: float | None = None
    memory_bytes: int | None = None
    disk_bytes: int | None = None


def enough_minutes(estimated_s: float, known_s: float = 0.0) -> int:
    """Minutes that do for what was estimated, which may take twice as long, and for what is known."""
    return math.ceil((known_s + _FACTOR * estimated_s) / 60)


class CostModel(Protocol):
    """The cost of one candidate. Both raise `TrainingError` where it could not be trained at all."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        """Whether the candidate makes sense here, and why."""

    def measure(self, workload: Workload) -> Cost:
        """Times small samples on this machine and scales them up."""


def timed(call: Callable[[], Made]) -> tuple[float, Made]:
    """The seconds that `call` took, and what it made."""
    started = time.perf_counter()
    made = call()
    return time.perf_counter() - started, made


def drawn(items: Sequence[Item], n_most: int, seed: int) -> list[int]:
    """Places of at most `n_most` of `items`, at random, rising."""
    return sorted(np.random.default_rng(seed).permutation(len(items))[:n_most].tolist())
