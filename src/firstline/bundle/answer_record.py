"""What a model answered to labelled messages that it had not learned, without the messages: decisions rest on it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.arrays import load_array, save_array
from firstline.bundle.part_files import PartFiles, damaged

KIND = "decisions.v1"
_DIGITS = 6


@dataclass(frozen=True)
class AnswerRecord:
    """Held-out answers, (n,) each, in the order of their confidence, so that the order tells nothing about messages.

    `confidence` is calibrated, 0 to 1; `predicted` indexes the labels of the manifest; `right` compares it with the
    label; `novelty` is 0 to 1, higher is less like what was learned. `is_none` marks messages that people labelled as
    none of the classes. If the folds were drawn several times, each message has `n_repeats` answers.
    """

    confidence: NDArray[np.float32]
    predicted: NDArray[np.int64]
    right: NDArray[np.bool_]
    novelty: NDArray[np.float32]
    is_none: NDArray[np.bool_]
    n_repeats: int = 1

    @classmethod
    def of(
        cls,
        probabilities: NDArray[np.float32],
        truth: NDArray[np.int64],
        novelty: NDArray[np.float32] | None = None,
        is_none: NDArray[np.bool_] | None = None,
    ) -> "AnswerRecord":
        """From calibrated out-of-fold probabilities, (n_repeats, n_messages, n_labels), and `truth`, (n_messages,).

        `novelty`, (n_repeats, n_messages), and `is_none`, (n_messages,), are zeros and false if not given. The answer
        to a message of none of the classes is never right.
        """
        n_repeats, n_messages, _ = probabilities.shape
        none = np.zeros(n_messages, np.bool_) if is_none is None else is_none
        predicted = probabilities.argmax(axis=2).astype(np.int64)
        # Rounded, so that the last bit of a processor's arithmetic does not change a model's id.
        confidence = np.round(probabilities.max(axis=2), _DIGITS).astype(np.float32).reshape(-1)
        right = ((predicted == truth) & ~none).reshape(-1)
        strange = np.zeros(n_repeats * n_messages) if novelty is None else novelty.reshape(-1)
        strange = np.round(strange, _DIGITS).astype(np.float32)
        outside, predicted = np.tile(none, n_repeats), predicted.reshape(-1)
        order = np.lexsort((outside, strange, right, predicted, confidence))
        return cls(
            confidence[order], predicted[order], right[order], strange[order], outside[order], n_repeats=n_repeats
        )

    @property
    def n_messages(self) -> float:
        """How many messages were answered; repeated answers to a message count as one."""
        return len(self.confidence) / self.n_repeats

    def export(self, folder: Path) -> str:
        """Write the arrays into `folder`; returns their kind."""
        save_array(folder, "confidence", self.confidence)
        save_array(folder, "predicted", self.predicted)
        save_array(folder, "right", self.right)
        save_array(folder, "novelty", self.novelty)
        save_array(folder, "is_none", self.is_none)
        save_array(folder, "n_repeats", np.array([self.n_repeats], np.int64))
        return KIND

    @classmethod
    def load(cls, files: PartFiles, n_labels: int) -> "AnswerRecord":
        """What `export` wrote. Raises `BundleDamaged` if the arrays do not fit together, or the labels."""
        repeats = load_array(files, "n_repeats", np.int64, 1)
        found = cls(
            load_array(files, "confidence", np.float32, 1),
            load_array(files, "predicted", np.int64, 1),
            load_array(files, "right", np.bool_, 1),
            load_array(files, "novelty", np.float32, 1),
            load_array(files, "is_none", np.bool_, 1),
            int(repeats[0]) if len(repeats) == 1 else 0,
        )
        why = found._problem(n_labels)
        if why:
            raise damaged(files.folder, why)
        return found

    def _problem(self, n_labels: int) -> str:
        """What makes the record unusable; empty if nothing does."""
        n_rows = len(self.confidence)
        if not n_rows:
            return "it has no answers"
        if any(len(one) != n_rows for one in (self.predicted, self.right, self.novelty, self.is_none)):
            return "its arrays differ in length"
        if self.n_repeats < 1 or n_rows % self.n_repeats:
            return "its number of repeats does not fit"
        if not (self.predicted.min() >= 0 and self.predicted.max() < n_labels):
            return "it names a class that the model does not have"
        if any(not (one.min() >= 0 and one.max() <= 1) for one in (self.confidence, self.novelty)):
            return "a confidence or a novelty is not from 0 to 1"
        # Thresholds count from one end to the other.
        if (self.confidence[1:] < self.confidence[:-1]).any():
            return "it is not in the order of confidence"
        if (self.right & self.is_none).any():
            return "an answer to a message of none of the classes is called right"
        return ""
