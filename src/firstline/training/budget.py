"""How much time the comparison of candidates may take."""

import math
import time
from dataclasses import dataclass, field

_FACTOR = 2.0
"""How far an estimate may be off, either way."""


@dataclass(frozen=True)
class Budget:
    """Minutes for the comparison, counted from now; None: no limit."""

    minutes: float | None
    started: float = field(default_factory=time.monotonic)

    @property
    def took_s(self) -> float:
        return time.monotonic() - self.started

    @property
    def left_s(self) -> float:
        """Seconds; infinite without a limit, and negative when the time is up."""
        return math.inf if self.minutes is None else self.minutes * 60 - self.took_s

    def enough_minutes(self, needed_s: float) -> int:
        """Minutes that suffice for this comparison and for `needed_s` more, which is an estimate."""
        took_s = self.took_s if self.minutes is None else min(self.took_s, self.minutes * 60)
        return enough_minutes(needed_s, took_s)


def enough_minutes(estimated_s: float, known_s: float = 0.0) -> int:
    """Minutes that suffice for an estimate, which may take twice as long, and for what is known."""
    return math.ceil((known_s + _FACTOR * estimated_s) / 60)


def minutes_text(seconds: float) -> str:
    """`15 min`, `2.5 min`, `40 s`."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 1 else f"{seconds:.2g} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes >= 10 else f"{minutes:.1f} min"
