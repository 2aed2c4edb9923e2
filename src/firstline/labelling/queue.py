"""The labelling queue: which messages to label next, and why each is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

QueueReason: TypeAlias = Literal["typical", "unstable", "close_call", "random", "suspect", "twice", "recorded"]
"""Why a message is in the queue: a stable code.

`typical` of a group of messages that has few labels; `unstable`: the answer changes if parts of the message are hidden;
`close_call`: the best two classes are almost equally likely; `random`: drawn at random, so that its label measures a
model fairly; `suspect`: it has a label that the others contradict; `twice`: a second person labels it, so that
agreement is measured; `recorded`: the service left it to a person.
"""
Strategy: TypeAlias = Literal["typical", "unstable", "close_call"]

BATCH = 25
"""After so many labels the queue is made again. With twice as many it is about as good, see docs/EXPERIMENTS.md."""
MOST_POOL = 50_000
"""A larger pool is sampled."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A message in the queue.

    `place` is its row in the pool, `rank` counts from 0, the first to be labelled. `cluster` groups messages of this
    batch that are alike; -1: it belongs to none.
    """

    place: int
    reason: QueueReason
    rank: int
    cluster: int = -1

    @property
    def is_random(self) -> bool:
        """Whether it was drawn at random, so that its label says how good a model is in use."""
        return self.reason == "random"


@dataclass(frozen=True)
class Mix:
    """What a batch holds. Shares are 0 to 1; what they leave is chosen by the strategy.

    Typical messages come until there are `typical_per_class` labels for each class, on average, unstable ones until
    there are `unstable_per_class`, and close calls from then on. Suspects come from `suspects_from` labels on.
    """

    random: float = 0.1
    suspects: float = 0.05
    suspects_from: int = 500
    typical_per_class: float = 2.0
    unstable_per_class: float = 60.0
    twice: float = 0.05
    recorded: float = 0.2

    def strategy(self, n_labels: int, n_classes: int) -> Strategy:
        """Which strategy chooses when there are `n_labels` labels, also of none of the classes."""
        if n_labels < self.typical_per_class * n_classes:
            return "typical"
        return "unstable" if n_labels < self.unstable_per_class * n_classes else "close_call"

    def counts(
        self, n: int, n_labels: int, random: np.random.Generator, *, n_twice: int = 0, n_recorded: int = 0
    ) -> dict[QueueReason, int]:
        """How many of `n` messages have each reason that does not depend on the strategy.

        `n_twice` messages can be labelled by a second person, and `n_recorded` are from the service. Fractions are
        rounded up or down by chance, so that the shares are right over many batches.
        """
        suspects = self.suspects if n_labels >= self.suspects_from else 0.0
        offered: list[tuple[QueueReason, float, int]] = [("random", self.random, n), ("suspect", suspects, n)]
        offered += [("twice", self.twice, n_twice)] if n_twice else []
        offered += [("recorded", self.recorded, n_recorded)] if n_recorded else []
        found: dict[QueueReason, int] = {"random": 0, "suspect": 0, "twice": 0, "recorded": 0}
        for reason, share, most in offered:
            found[reason] = min(int(share * n + random.random()), most, n - sum(found.values()))
        return found


def mixed(
    chosen: Mapping[QueueReason, Sequence[int]], clusters: Mapping[int, int], random: np.random.Generator
) -> list[Queued]:
    """One batch in which each reason is spread evenly; `chosen` are places by reason, in order, each place once.

    `clusters` has the cluster of a place, if it belongs to one. People stop in the middle of a batch, and what they
    have labelled by then should have the same mix.
    """
    slots = []
    for reason, places in chosen.items():
        start = random.random()
        slots += [((turn + start) / len(places), reason, place) for turn, place in enumerate(places)]
    return [
        Queued(int(place), reason, rank, clusters.get(int(place), -1))
        for rank, (_, reason, place) in enumerate(sorted(slots))
    ]


def sampled(n_messages: int, labelled: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """The places of the pool that are looked at, sorted: all, or of a larger pool all labelled ones and a sample."""
    if n_messages <= MOST_POOL:
        return np.arange(n_messages)
    others = np.setdiff1d(np.arange(n_messages), labelled)
    n_others = min(len(others), max(0, MOST_POOL - len(labelled)))
    return np.sort(np.concatenate([labelled, random.choice(others, n_others, replace=False)]))
