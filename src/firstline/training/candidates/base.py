"""The contract that every candidate keeps; one test runs over them all."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from firstline.types import Label, Message


class Candidate(Protocol):
    """A way to learn classes. The constructor stores settings; learned state ends in `_`."""

    labels_: list[Label]
    """The classes of the training labels, sorted: the columns of `predict_proba`."""

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from labelled messages, and from unlabelled ones if the method can."""

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""

    def export(self, folder: Path) -> str:
        """Write what serving needs into `folder`; returns the kind of the part, see `bundle.parts`."""

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
