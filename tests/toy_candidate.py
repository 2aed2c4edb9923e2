"""A candidate in one file, as a person would add it: it answers what its neighbours in letters were labelled as."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.training.candidates.base import Standalone
from firstline.training.candidates.estimate import Eligible, Estimate, Workload, from_sample
from firstline.training.candidates.ranges import whole
from firstline.training.candidates.regression import Regression
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message


@dataclass(frozen=True)
class ToySettings:
    """What can be set."""

    letters: int = whole(3, 2, 5, "letters in the longest run of letters that is a feature")


class Toy(Standalone):
    """The mean TF-IDF of each class; the nearest mean wins."""

    name = "toy.v1"
    settings_type: ClassVar[type] = ToySettings
    settings: ToySettings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If there are twenty labels."""
        return workload.n_labelled >= 20, f"means of {workload.n_labelled} messages"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """In step with the messages."""
        seconds, size = from_sample(cls, workload, growth=1.0)
        return Estimate(seconds, 10 * int(size), int(size))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages."""
        blocks = (NgramBlock("word", 1, 1), NgramBlock("char", 1, self.settings.letters))
        self.tfidf_ = TfidfBlocks(blocks)
        features = self.tfidf_.fit_transform(self._texts(messages))
        self.labels_ = sorted(set(labels))
        of_class = np.array([[label == one for label in labels] for one in self.labels_], np.float32)
        means = (of_class @ features) / of_class.sum(axis=1, keepdims=True)
        weights = np.ascontiguousarray(10 * means.T, np.float32)
        self.regression_ = Regression(weights, np.zeros(len(self.labels_), np.float32), self.labels_)
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Probabilities, (n_messages, n_labels)."""
        return self.regression_.predict_proba(self.tfidf_.transform(self._texts(messages)))

    def export(self, folder: Path) -> str:
        """Write the features and the means."""
        TfidfLinear(self.tfidf_.fitted(), self.regression_.weights, self.regression_.bias).save(folder)
        return TfidfLinear.kind
