"""The course of a training that can always go on: warm-up, a constant rate, cool-down.

Hu et al. 2024 (MiniCPM, arXiv:2404.06395); Hägele et al. 2024 (arXiv:2405.18392). A schedule is what
one command trains: trunk rounds at the full rate, then cool-down rounds in which the rate falls to 0.
The language model is what the cool-down ends with; the next schedule goes on from the end of the trunk.
"""

from dataclasses import dataclass
from math import sqrt

WARM_UP_STEPS = 300
_COOL_DOWN_TO_TRUNK = 0.25
"""Four fifths of a schedule are trunk, one fifth is cool-down."""


@dataclass(frozen=True)
class Schedule:
    """It begins when `start` trunk rounds are done, and ends by rounds, by time, or by what comes first."""

    start: int
    n_rounds: int | None = None
    limit_s: float | None = None

    def trunk_is_done(self, n_trunk: int, seconds: float) -> bool:
        """Whether the cool-down begins: `n_trunk` rounds are done in all, in this schedule after `seconds`."""
        n_done = n_trunk - self.start
        if n_done < 1:
            return False
        by_rounds = self.n_rounds is not None and n_done + self.n_cool_down(n_trunk) >= self.n_rounds
        return by_rounds or (self.limit_s is not None and seconds >= self.limit_s / (1 + _COOL_DOWN_TO_TRUNK))

    def n_cool_down(self, n_trunk: int) -> int:
        """How many rounds the cool-down lasts on top of a trunk of `n_trunk` rounds."""
        n_done = n_trunk - self.start
        n_cool_down = max(1, round(n_done * _COOL_DOWN_TO_TRUNK))
        if self.n_rounds is not None and n_done < self.n_rounds:
            return min(n_cool_down, self.n_rounds - n_done)
        return n_cool_down

    def expected_rounds(self, n_done: int, seconds: float) -> int:
        """How many rounds there will be, as far as can be told after `n_done` of them, all of the trunk."""
        by_rounds = [] if self.n_rounds is None else [max(self.n_rounds, 2)]
        by_time = [] if self.limit_s is None else [round(n_done * self.limit_s / max(seconds, 1e-9))]
        return max(n_done + self.n_cool_down(self.start + n_done), min(by_rounds + by_time))


@dataclass(frozen=True)
class Pace:
    """The share of the highest rate after a number of rounds of `n_steps` steps each.

    Without `n_cool_down` it stays at the highest after the warm-up; else it falls to 0 after `n_trunk`
    rounds, as 1 minus the square root, which Hägele et al. found better than a straight line.
    """

    n_steps: int
    n_trunk: int = 0
    n_cool_down: int = 0

    def __call__(self, n_rounds: float, _: int = 0) -> float:
        warm_up = min(1.0, (n_rounds * self.n_steps + 1) / WARM_UP_STEPS)
        if not self.n_cool_down:
            return warm_up
        return warm_up * (1 - sqrt(min(max(n_rounds - self.n_trunk, 0.0) / self.n_cool_down, 1.0)))
