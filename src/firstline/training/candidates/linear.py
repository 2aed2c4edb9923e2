"""`linear.v1`: word and character TF-IDF, multinomial logistic regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.linear import TfidfLinear
from firstline.evaluation.serving_cost import resident_bytes
from firstline.training.candidates.base import Standalone
from firstline.training.candidates.estimate import TEXT_BYTES, Eligible, Estimate, Workload, from_sample
from firstline.training.candidates.ranges import number
from firstline.training.candidates.regression import COUNTS_C, FEW_LABELS, fit_regression, regression_bytes
from firstline.training.candidates.tfidf import NgramSettings, TfidfBlocks, most_weights_bytes
from firstline.types import Label, Message

_CHARACTER_BYTES = 60


@dataclass(frozen=True)
class LinearSettings(NgramSettings):
    """What can be set; the defaults were chosen by experiment, see docs/EXPERIMENTS.md."""

    C: float = number(COUNTS_C, 0.1, 1_000.0, "how closely the labels are followed; lower is smoother", is_log=True)


class Linear(Standalone):
    """Logistic regression with balanced class weights."""

    name = "linear.v1"
    settings_type: ClassVar[type] = LinearSettings
    settings: LinearSettings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """Always."""
        return True, "fast, and good with few labels"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """A regression among up to 2,000 messages takes about their square, counting and larger ones less."""
        seconds, disk = cls._from_sample(workload, 1.5)
        memory = cls._counting_bytes(workload) + regression_bytes(workload.n_labelled, disk)
        return Estimate(seconds, resident_bytes() + int(memory), int(disk))

    @classmethod
    def _from_sample(cls, workload: Workload, growth: float, n_pool: int = 0) -> tuple[float, float]:
        """Seconds and disk. A workspace with many labels needs a large sample, because it is learned differently."""
        if not workload.has_many_labels:
            return from_sample(cls, workload, growth=growth, n_pool=n_pool)
        seconds, disk = from_sample(cls, workload, growth=0.8, n_pool=n_pool, n_labelled=FEW_LABELS + 1)
        return seconds, min(disk, most_weights_bytes(workload.n_classes))

    @staticmethod
    def _counting_bytes(workload: Workload) -> int:
        """The memory that the n-grams of the labelled messages take while they are counted."""
        if not workload.has_many_labels:
            return TEXT_BYTES * workload.n_labelled
        return _CHARACTER_BYTES * sum(len(message.text) for message in workload.data.messages)

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        if self.has_many_labels:
            self.tfidf_ = TfidfBlocks.of_many(self.settings.blocks, len(set(labels)))
        else:
            self.tfidf_ = TfidfBlocks(self.settings.blocks)
        features = self.tfidf_.fit_transform(self._texts(messages))
        self.regression_ = fit_regression(features, labels, self.settings.C, in_steps=self.has_many_labels)
        self.labels_ = self.regression_.labels
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        return self.regression_.predict_proba(self.tfidf_.transform(self._texts(messages)))

    def export(self, folder: Path) -> str:
        """Write the n-grams and their weights; returns the kind of the part."""
        TfidfLinear(self.tfidf_.fitted(), self.regression_.weights, self.regression_.bias).save(folder)
        return TfidfLinear.kind
