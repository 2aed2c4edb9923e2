"""A model's answers to the labelled messages, each by a fold that had not learned it.

A training saves them in its run, without texts; the report and the list of suspect labels read them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.types import Label

FILE_NAME = "held_out.npz"


@dataclass(frozen=True)
class HeldOut:
    """Answers of `model` to n messages, out of fold; means over the repeats of the folds.

    `keys`, (n, 16) bytes, are those of `StoredMessage.key`. `truth`, (n,), indexes `labels`. `probabilities`,
    (n, n_labels), are calibrated on other folds than their own. `novelty`, (n,), is 0 to 1, higher is less like what
    was learned.
    """

    model: str
    labels: tuple[Label, ...]
    keys: NDArray[np.uint8]
    truth: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]

    def save(self, file: Path) -> None:
        """Write it as an archive of arrays, without pickle."""
        with file.open("wb") as opened:
            np.savez(
                opened,
                model=np.array(self.model),
                labels=np.array(self.labels),
                keys=self.keys,
                truth=self.truth,
                probabilities=self.probabilities,
                novelty=self.novelty,
            )

    @classmethod
    def load(cls, file: Path) -> "HeldOut | None":
        """What `save` wrote; None if there is none, or it cannot be read."""
        try:
            with file.open("rb") as opened, np.load(opened, allow_pickle=False) as content:
                return cls(
                    str(content["model"]),
                    tuple(str(label) for label in content["labels"]),
                    content["keys"],
                    content["truth"],
                    content["probabilities"],
                    content["novelty"],
                )
        # A damaged archive fails in many ways, and a training can write it again.
        except Exception:
            return None
