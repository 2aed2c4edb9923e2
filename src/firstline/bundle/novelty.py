"""How unlike everything learned a message is, by what the model answers to it: the same for every kind of model.

Three signals of the answer, as they were weighed out of fold: its entropy, the doubt in its best class, and how far
its log odds lie from the nearest group of labelled messages, after whitening within the classes (Mahalanobis distance;
Lee et al. 2018). A model that has learned messages of none of the classes adds the log odds of "none".
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged

LEAST_OF_A_CENTRE, MOST_CENTRES, MOST_CENTRES_IN_ALL = 3, 20, 3_000
"""Messages that a centre is the mean of, at least; centres of a class, and of all classes, at most."""
FAMILIAR = 97.5
"""Percent of the held-out messages of the classes that are taken for familiar."""
LIMIT = 0.5
"""Messages of a higher novelty are unknown."""
SIGNALS = ("entropy", "doubt", "distance", "none")
_FILE, _CENTRES, _WHITENING = "novelty.json", "novelty_centres", "novelty_whitening"
LEAST_PROBABILITY, _LEAST_NONE = 1e-7, 1e-6
_MOST_DEVIATIONS = 50.0
_DISTANCES_AT_A_TIME = 20_000_000

_LARGEST = 1e9
"""Of the arrays: far above what is fitted, and what is squared and added stays finite."""


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a signal counts: its mean and deviation among held-out messages of the classes, and its weight."""

    mean: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
    deviation: Annotated[float, msgspec.Meta(ge=1e-6, le=1e6)]
    weight: Annotated[float, msgspec.Meta(ge=0, le=1_000)]


class _Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`novelty.json`."""

    signals: dict[str, Signal]
    limit: Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]


@dataclass(frozen=True)
class Reference:
    """What answers to labelled messages look like.

    `whitening`, (n_labels, n_labels), makes the log odds of a class spread alike in all directions; `centres`,
    (n_centres, n_labels), are whitened means of groups of messages.
    """

    whitening: NDArray[np.float32]
    centres: NDArray[np.float32]

    @cached_property
    def _most_entropy(self) -> float:
        """The entropy of the even distribution."""
        return float(np.log(max(len(self.whitening), 2)))

    @cached_property
    def _halves(self) -> NDArray[np.float32]:
        """Half the squared length of each centre, (n_centres,)."""
        return np.asarray((self.centres**2).sum(axis=1) / 2, np.float32)

    def _nearest(self, odds: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of each row, half of what its squared distance to the nearest centre adds to its own square, (n,)."""
        return np.asarray((self._halves - odds @ self.centres.T).min(axis=1))

    def signals(self, probabilities: NDArray[np.float32], none: NDArray[np.float32] | None) -> NDArray[np.float64]:
        """The signals of answers, (n, 3), or (n, 4) with `none`, (n,), the probability of none of the classes.

        `probabilities`, (n, n_labels), are uncalibrated. Higher is less familiar.
        """
        logs = _logs(probabilities)
        odds = _centred(logs) @ self.whitening
        # The squared distance to each centre, but for what is the same for all of them.
        n_parts = 1 + len(odds) * len(self.centres) // _DISTANCES_AT_A_TIME
        if n_parts == 1:
            nearest = self._nearest(odds)
        else:
            nearest = np.concatenate([self._nearest(part) for part in np.array_split(odds, n_parts)])
        distance = np.sqrt(np.maximum((odds**2).sum(axis=1) + 2 * nearest, 0))
        found = np.empty((len(probabilities), 3 + (none is not None)))
        found[:, 0] = -(probabilities * logs).sum(axis=1) / np.float64(self._most_entropy)
        found[:, 1] = 1 - probabilities.max(axis=1)
        found[:, 2] = distance
        if none is not None:
            share = _within(none.astype(np.float64), _LEAST_NONE, 1 - _LEAST_NONE)
            found[:, 3] = np.log(share / (1 - share))
        return found


@dataclass(frozen=True)
class NoveltyDetector:
    """Tells how unlike what was learned an answer is. One value in `weighed` for each signal, in their order."""

    reference: Reference
    weighed: tuple[Signal, ...]
    limit: float

    def score(self, signals: NDArray[np.float64]) -> NDArray[np.float64]:
        """The weighted sum of signals, (n, n_signals), in deviations; the limit lies at 0."""
        means, deviations, weights = self._columns
        return np.asarray(
            _within((signals - means) / deviations, -_MOST_DEVIATIONS, _MOST_DEVIATIONS) @ weights - self.limit
        )

    @cached_property
    def _columns(self) -> NDArray[np.float64]:
        """Means, deviations and weights, (3, n_signals)."""
        return np.array([(signal.mean, signal.deviation, signal.weight) for signal in self.weighed]).T

    def __call__(
        self, probabilities: NDArray[np.float32], none: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The novelty of answers, (n,), 0 to 1; .5 is at the limit, higher is less familiar."""
        return squashed(self.score(self.reference.signals(probabilities, none)))

    def save(self, folder: Path) -> None:
        save_array(folder, _CENTRES, self.reference.centres)
        save_array(folder, _WHITENING, self.reference.whitening)
        described = _Described(dict(zip(SIGNALS, self.weighed, strict=False)), self.limit)
        (folder / _FILE).write_bytes(msgspec.json.format(msgspec.json.encode(described), indent=1))

    @classmethod
    def load(cls, files: PartFiles, n_labels: int, has_none: bool) -> "NoveltyDetector":
        """What `save` wrote. Raises `BundleDamaged` if the files do not fit together, or the model."""
        described = files.json(_FILE, _Described)
        centres = load_array(files, _CENTRES, np.float32, 2, _LARGEST)
        whitening = load_array(files, _WHITENING, np.float32, 2, _LARGEST)
        wanted = SIGNALS[: 3 + has_none]
        if tuple(described.signals) != wanted:
            raise damaged(files.folder / _FILE, f"it does not have the signals {', '.join(wanted)}")
        if whitening.shape != (n_labels, n_labels) or centres.shape[1] != n_labels or not len(centres):
            raise damaged(files.folder / f"{_CENTRES}.npy", f"its arrays do not fit {n_labels} classes")
        return cls(Reference(whitening, centres), tuple(described.signals.values()), described.limit)

    @staticmethod
    def is_in(files: PartFiles) -> bool:
        """Whether the files hold a detector, or some of one."""
        return any(files.has(name) for name in (_FILE, f"{_CENTRES}.npy", f"{_WHITENING}.npy"))


def log_odds(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logarithms of probabilities, (n, n_labels), minus their mean in each row."""
    return _centred(_logs(probabilities))


def _logs(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.log(np.maximum(probabilities, LEAST_PROBABILITY)))


def _centred(logs: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(logs - logs.sum(axis=1, keepdims=True) / logs.shape[1])


def _within(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """`numpy.clip`, which takes longer than all else that is done to an answer here."""
    return np.asarray(np.minimum(np.maximum(values, low), high))


def squashed(score: NDArray[np.float64]) -> NDArray[np.float32]:
    """A score, (n,), as 0 to 1, so that .5 is at the limit."""
    return np.asarray(1 / (1 + np.exp(-_within(score, -30, 30) / 2)), np.float32)
