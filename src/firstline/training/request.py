"""The request for one training."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingRequest:
    """The request for one training.

    `minutes` limits the comparison: a candidate that needs more time than is left is skipped, except those that
    `candidates` names if `is_named_any_time`. `latency_ms` limits the 99th percentile of single messages. `is_fresh`
    trains again what an earlier run of the same data and settings saved. `has_curve`: with a learning curve.
    """

    candidates: Sequence[str]
    folds: int
    seed: int
    repeats: int = 1
    minutes: float | None = None
    is_named_any_time: bool = False
    latency_ms: float | None = None
    is_fresh: bool = False
    has_curve: bool = True

    def has_any_time(self, candidate: str) -> bool:
        """Whether a candidate has no time limit."""
        return self.minutes is None or (self.is_named_any_time and candidate in self.candidates)
