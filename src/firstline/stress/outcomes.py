"""What came of the requests of a load."""

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

ANSWERED = 200
REFUSALS = (429, 503)
"""What a service answers that has enough to do, or lets each key ask so often."""

_PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "max": 100}


@dataclass
class Outcomes:
    """Counts of a load that is running or has ended, and how long each answer took.

    `refused` counts by status, `errors` by kind: `connection`, `timeout`, or `status 500`. `n_unsent` requests were due
    but never sent, because every connection was still waiting for an answer. `elapsed_s` ends with the last answer.
    """

    model: str = ""
    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    refused: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    n_unsent: int = 0
    elapsed_s: float = 0.0

    def count(self, status: int, latency_s: float) -> None:
        """Count what the service answered. Only answers to messages have a latency: a refusal takes no time."""
        if status == ANSWERED:
            self.latencies_s.append(latency_s)
        elif status in REFUSALS:
            self.refused[status] += 1
        else:
            self.errors[f"status {status}"] += 1

    @property
    def n_answered(self) -> int:
        return len(self.latencies_s)

    @property
    def n_errors(self) -> int:
        return self.errors.total()

    @property
    def requests_per_s(self) -> float:
        """Answered requests; refusals and errors do not count."""
        return self.n_answered / self.elapsed_s if self.elapsed_s else 0.0

    def latency_ms(self) -> Mapping[str, float]:
        """Percentiles of the answered requests, in milliseconds; none if nothing was answered."""
        if not self.latencies_s:
            return {}
        values = 1000 * np.percentile(np.frombuffer(self.latencies_s), list(_PERCENTILES.values()))
        return dict(zip(_PERCENTILES, values.tolist(), strict=True))
