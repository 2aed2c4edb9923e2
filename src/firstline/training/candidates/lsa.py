"""`lsa.v1`: TF-IDF, and beside it what the unlabelled messages tell about which words belong together.

Latent semantic analysis (Deerwester et al. 1990) of all messages. It is linear, and so is the head on top
of it: both together are one weight for each n-gram and class, so serving costs what `linear.v1` costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import ClassVar, Self

import numpy as np
from scipy import sparse

from firstline.evaluation.serving_cost import resident_bytes
from firstline.training.candidates.estimate import TEXT_BYTES, Eligible, Estimate, Workload
from firstline.training.candidates.latent import MOST_UNLABELLED, N_COMPONENTS, some, to_components
from firstline.training.candidates.linear import Linear, LinearSettings
from firstline.training.candidates.ranges import number, whole
from firstline.training.candidates.regression import FEW_LABELS, Regression, fit_regression, regression_bytes
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message

_ENOUGH_UNLABELLED = 0.5
"""Unlabelled messages for each label."""


@dataclass(frozen=True)
class LsaSettings(LinearSettings):
    """Those of `linear.v1`, and of the components."""

    n_components: int = whole(N_COMPONENTS, 20, 500, "number of latent components")
    share: float = number(1.0, 0.1, 5.0, "weight of the components relative to the n-grams", is_log=True)
    max_unlabelled: int = MOST_UNLABELLED


class Lsa(Linear):
    """Logistic regression over TF-IDF and its latent components.

    All components together count `share` times what TF-IDF counts, see `latent.to_components`. n-grams come from
    unlabelled messages too, at most `max_unlabelled` of them, drawn at random, if at least two messages have them.
    Components are learned from at most 2,000 messages more than that, labelled or not.
    """

    name = "lsa.v1"
    settings_type: ClassVar[type] = LsaSettings
    settings: LsaSettings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If the pool is large enough beside the labels."""
        n_unlabelled, least = len(workload.data.unlabelled), ceil(_ENOUGH_UNLABELLED * workload.n_labelled)
        if n_unlabelled < least:
            return False, (
                f"has too few unlabelled messages to learn from: {n_unlabelled:,}; with {workload.n_labelled:,} labels"
                f" it needs {least:,}"
            )
        n_read = min(n_unlabelled, cls.settings_for(workload.context).max_unlabelled)
        return True, f"learns which words belong together from {n_read:,} unlabelled messages"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """Components take little more than their texts."""
        settings = cls.settings_for(workload.context)
        n_pool = min(len(workload.data.unlabelled), settings.max_unlabelled)
        seconds, disk = cls._from_sample(workload, 1.15, n_pool)
        n_texts, n_features = workload.n_labelled + n_pool, disk / (4 * workload.n_classes + 10)
        components = 16 * settings.n_components * (n_features + n_texts)
        memory = (
            cls._counting_bytes(workload)
            + TEXT_BYTES * n_pool
            + components
            + regression_bytes(workload.n_labelled, disk)
        )
        return Estimate(seconds, resident_bytes() + int(memory), int(disk))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn components from all messages, and classes from the labelled ones."""
        settings = self.settings
        texts = self._texts([*messages, *some(unlabelled, settings.max_unlabelled, self.seed)])
        if self.has_many_labels:
            self.tfidf_ = TfidfBlocks.of_many(settings.blocks, len(set(labels)))
            features = self.tfidf_.fit_transform(texts)
        else:
            self.tfidf_ = TfidfBlocks(settings.blocks, min_df=2)
            features = self.tfidf_.fit_transform(texts, n_labelled=len(messages)).astype(np.float32)
        drawn = some(range(len(texts)), settings.max_unlabelled + FEW_LABELS, self.seed)
        read = features if len(drawn) == len(texts) else features[drawn]
        to_latent = to_components(read, settings.n_components, settings.share, self.seed)
        labelled = features[: len(messages)]
        latent = sparse.csr_array(np.asarray(labelled @ to_latent, np.float32))
        both = sparse.csr_array(sparse.hstack([labelled, latent], format="csr"))
        found = fit_regression(both, labels, settings.C, in_steps=self.has_many_labels)
        n_features = features.shape[1]
        weights = found.weights[:n_features] + to_latent @ found.weights[n_features:]
        self.regression_ = Regression(np.ascontiguousarray(weights, np.float32), found.bias, found.labels)
        self.labels_ = found.labels
        return self
