"""A candidate's answers to labelled messages, from folds that did not learn them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.outsiders import with_none, without_none
from firstline.types import Label

_TOLERANCE = 1e-3


@dataclass(frozen=True)
class OutOfFold:
    """A candidate's answers for messages from folds that did not learn them.

    `probabilities` are (n_repeats, n_messages, n_labels). `learned`, (n_repeats, n_messages), tells whether the fold
    had messages of the message's class. `seconds` are those of all folds.

    If messages of none of the classes are taught: `none`, (n_repeats, n_messages), is the probability of that, and
    `outsiders`, (n_repeats, n_none, n_labels + 1), are the answers to those messages, with that probability last.
    """

    probabilities: NDArray[np.float32]
    learned: NDArray[np.bool_]
    seconds: float
    none: NDArray[np.float32] | None = None
    outsiders: NDArray[np.float32] | None = None

    @classmethod
    def of_wide(
        cls, wide: NDArray[np.float32], learned: NDArray[np.bool_], seconds: float, *, taught: bool
    ) -> "OutOfFold":
        """From all answers, as `wide` gives them."""
        if not taught:
            return cls(wide, learned, seconds)
        n_messages = learned.shape[1]
        probabilities, none = without_none(wide[:, :n_messages])
        return cls(probabilities, learned, seconds, none, wide[:, n_messages:])

    @property
    def wide(self) -> NDArray[np.float32]:
        """All answers, (n_repeats, n_messages + n_none, n_labels + 1); `probabilities` if none are taught."""
        return widened(self.probabilities, self.none, self.outsiders)

    def labels(self, names: Sequence[Label]) -> list[list[Label]]:
        return [[names[place] for place in repeat.argmax(axis=1)] for repeat in self.probabilities]


def widened(
    probabilities: NDArray[np.float32], none: NDArray[np.float32] | None, outsiders: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Answers to messages of the classes, then to those of none: (..., n_messages + n_none, n_labels + 1)."""
    if none is None or outsiders is None:
        return probabilities
    return np.concatenate([with_none(probabilities, none), outsiders], axis=-2)


def are_answers(
    probabilities: NDArray[np.float32],
    none: NDArray[np.float32] | None,
    outsiders: NDArray[np.float32] | None,
    shape: tuple[int, int],
    n_outsiders: int | None,
) -> bool:
    """Whether arrays that were read are answers to (n_messages, n_labels) = `shape`, and to so many outsiders.

    `n_outsiders` is None if no messages of none of the classes are taught.
    """
    if n_outsiders is None or none is None or outsiders is None:
        return n_outsiders is None and none is None and outsiders is None and _are_rows(probabilities, shape)
    return (
        _are_rows(probabilities, shape)
        and _are_rows(outsiders, (n_outsiders, shape[1] + 1))
        and none.shape == shape[:1]
        and _are_rows(np.stack([none, 1 - none], axis=-1), (shape[0], 2))
    )


def _are_rows(found: NDArray[np.float32], shape: tuple[int, int]) -> bool:
    """Whether these are rows of probabilities; comparisons with NaN are false."""
    return bool(
        found.shape == shape
        and found.dtype == np.float32
        and np.allclose(found.sum(axis=1), 1, atol=_TOLERANCE)
        and (found >= 0).all()
    )
