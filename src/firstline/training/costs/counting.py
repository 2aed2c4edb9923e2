"""The costs of candidates that count n-grams: `linear.v1`, `lsa.v1`, `forest.v1`.

Counting and components grow with the number of texts. The regression grows with the square of the labelled messages,
and the forest nearly in step with them: measured on three sets of up to 5,000 labelled messages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy import sparse

from firstline.bundle.files import size_bytes
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.evaluation.serving_cost import resident_bytes
from firstline.training.candidates.forest import Forest
from firstline.training.candidates.latent import latent_vectors
from firstline.training.candidates.linear import Linear
from firstline.training.candidates.lsa import Lsa
from firstline.training.candidates.regression import DUAL_UP_TO, fit_regression
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.training.costs.base import Cost, Workload, drawn, timed
from firstline.types import Label, Message

N_LABELLED, N_TEXTS, _N_FOREST, _N_TREES = 300, 1_200, 300, 30
"""The most that is measured on."""

_REGRESSION_GROWTH, _FOREST_GROWTH, _VOCABULARY_GROWTH = 2.0, 1.2, 0.6
_ENOUGH_UNLABELLED, _ENOUGH_FOR_PAIRS = 0.5, 100
_NUMBER_BYTES, _SPARSE_BYTES, _COPIES = 8, 12, 4
_N_KEPT_GRADIENTS = 25


@dataclass(frozen=True)
class Counted:
    """N-grams of a sample of ruled texts: `features`, (n_texts, n_features), and the seconds that one text takes."""

    features: sparse.csr_array
    text_s: float
    tfidf: TfidfBlocks

    @classmethod
    def of(cls, texts: Sequence[str], blocks: Sequence[NgramBlock], min_df: int = 1) -> "Counted":
        """Raises `LabelsTooFew` where no text has a word."""
        tfidf = TfidfBlocks(blocks, min_df)
        seconds, features = timed(lambda: tfidf.fit_transform(texts))
        return cls(features, seconds / len(texts), tfidf)

    def n_features(self, n_texts: float) -> float:
        """The size of the vocabulary that so many texts have (Heaps' law)."""
        return float(self.features.shape[1] * (n_texts / self.features.shape[0]) ** _VOCABULARY_GROWTH)

    def memory_bytes(self, n_texts: float) -> float:
        return _COPIES * _SPARSE_BYTES * n_texts * self.features.nnz / self.features.shape[0]


@dataclass(frozen=True)
class Regressed:
    """How long a regression on a sample of `n_sample` labelled messages took."""

    seconds: float
    n_sample: int

    @classmethod
    def of(cls, features: sparse.csr_array, labels: Sequence[Label], C: float, max_iter: int) -> "Regressed":
        return cls(timed(lambda: fit_regression(features, labels, C, max_iter))[0], len(labels))

    def at(self, n_labelled: float) -> float:
        """The seconds for so many."""
        return float(self.seconds * (n_labelled / self.n_sample) ** _REGRESSION_GROWTH)

    @staticmethod
    def memory_bytes(n_labelled: int, n_features: float, n_classes: int) -> float:
        """Solved among the messages where these are few, otherwise among the features."""
        weights = 2 * n_features * n_classes
        if n_labelled <= DUAL_UP_TO:
            return _NUMBER_BYTES * (_COPIES * n_labelled**2 + weights)
        return _NUMBER_BYTES * (_N_KEPT_GRADIENTS * n_features * n_classes + weights)


class LinearCost:
    """Of `linear.v1`."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        return True, "fast, and good with few labels"

    def measure(self, workload: Workload) -> Cost:
        candidate = Linear(workload.context.rules, **workload.context.chosen_for("linear.v1"))
        messages, labels = labelled_sample(workload, N_LABELLED)
        counted = Counted.of(texts_of(workload, messages), candidate.blocks)
        regressed = Regressed.of(counted.features, labels, candidate.C, candidate.max_iter)
        n_labelled, n_features = workload.n_labelled, counted.n_features(workload.n_labelled)
        seconds = sum(counted.text_s * n + regressed.at(n) for n in workload.learned) + counted.text_s * n_labelled
        memory = counted.memory_bytes(n_labelled) + regressed.memory_bytes(n_labelled, n_features, workload.n_classes)
        return Cost(seconds, resident_bytes() + int(memory), _linear_disk(workload, counted, n_features))


class LsaCost:
    """Of `lsa.v1`."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        n_unlabelled = len(workload.data.unlabelled)
        if n_unlabelled < _ENOUGH_UNLABELLED * workload.n_labelled:
            least = ceil(_ENOUGH_UNLABELLED * workload.n_labelled)
            return False, (
                f"the pool is too small: {n_unlabelled:,} messages without a label tell little about words;"
                f" beside {workload.n_labelled:,} labels it takes {least:,}"
            )
        return True, f"learns which words belong together from {n_unlabelled:,} messages without a label"

    def measure(self, workload: Workload) -> Cost:
        candidate = Lsa(workload.context.rules, **workload.context.chosen_for("lsa.v1"))
        labelled, labels = labelled_sample(workload, N_LABELLED)
        unlabelled = workload.data.unlabelled
        pool = [unlabelled[place] for place in drawn(unlabelled, N_TEXTS - len(labelled), workload.context.seed)]
        texts = texts_of(workload, [*labelled, *pool])
        counted = Counted.of(texts, candidate.blocks, min_df=2 if len(texts) > _ENOUGH_FOR_PAIRS else 1)
        features = counted.features
        components_s, latent = timed(lambda: latent_vectors(features.astype(np.float32), workload.context.seed))
        known = sparse.hstack([features, sparse.csr_array(latent)], format="csr")[: len(labels)]
        regressed = Regressed.of(sparse.csr_array(known), labels, candidate.C, candidate.max_iter)
        n_pool = min(len(unlabelled), candidate.max_unlabelled)
        text_s = counted.text_s + components_s / features.shape[0]
        seconds = sum(text_s * (n + n_pool) + regressed.at(n) for n in workload.learned)
        n_texts = workload.n_labelled + n_pool
        n_features = counted.n_features(n_texts)
        memory = (
            counted.memory_bytes(n_texts)
            + 2 * _NUMBER_BYTES * candidate.n_components * (n_features + n_texts)
            + regressed.memory_bytes(workload.n_labelled, n_features, workload.n_classes)
        )
        return Cost(
            seconds + counted.text_s * workload.n_labelled,
            resident_bytes() + int(memory),
            _linear_disk(workload, counted, n_features),
        )


class ForestCost:
    """Of `forest.v1`, from a tenth of its trees."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        return True, "the reference that every other candidate has to beat"

    def measure(self, workload: Workload) -> Cost:
        chosen = workload.context.chosen_for("forest.v1")
        all_of_them = Forest(workload.context.rules, **chosen).n_trees / _N_TREES
        few = Forest(workload.context.rules, workload.context.seed, **{**chosen, "n_trees": _N_TREES})
        messages, labels = labelled_sample(workload, _N_FOREST)
        n_sample = len(messages)
        fit_s, fitted = timed(lambda: few.fit(messages, labels, []))
        counted = Counted.of(texts_of(workload, messages), few.blocks, fitted.tfidf_.min_df)
        predict_s, _ = timed(lambda: fitted.predict_proba(messages))
        with workload.context.working_folder() as whole, workload.context.working_folder() as counting:
            fitted.export(whole)
            fitted.tfidf_.fitted().save(counting)
            words_bytes = size_bytes(counting)
            trees_bytes = (size_bytes(whole) - words_bytes) * all_of_them
        grow_s = max(0.0, fit_s - n_sample * counted.text_s) * all_of_them
        ask_s = max(0.0, predict_s / n_sample - counted.text_s) * all_of_them
        times = [counted.text_s * n + grow_s * (n / n_sample) ** _FOREST_GROWTH for n in workload.learned]
        growth = workload.n_labelled / n_sample
        disk = trees_bytes * growth + words_bytes * growth**_VOCABULARY_GROWTH
        n_nodes = sum(tree.tree_.node_count for tree in fitted.model_.estimators_) * all_of_them * growth
        memory = counted.memory_bytes(workload.n_labelled) + 2 * _COPIES * _NUMBER_BYTES * n_nodes * workload.n_classes
        seconds = sum(times) + (counted.text_s + ask_s) * workload.n_labelled
        return Cost(seconds, resident_bytes() + int(memory), int(disk))


def labelled_sample(workload: Workload, n_most: int) -> tuple[list[Message], list[Label]]:
    """At most `n_most` labelled messages, of two classes at least, and their labels."""
    labels = workload.data.labels
    places = drawn(labels, n_most, workload.context.seed)
    if len({labels[place] for place in places}) < 2:
        places.append(next(place for place, label in enumerate(labels) if label != labels[places[0]]))
    return [workload.data.messages[place] for place in places], [labels[place] for place in places]


def texts_of(workload: Workload, messages: Sequence[Message]) -> list[str]:
    """Ruled texts, as the candidates read them."""
    return [workload.context.rules.with_segment(message.text, message.segment) for message in messages]


def _linear_disk(workload: Workload, counted: Counted, n_features: float) -> int:
    """Of a vocabulary, and a weight in float32 for each n-gram and class."""
    with workload.context.working_folder() as folder:
        counted.tfidf.fitted().save(folder)
        words_bytes = size_bytes(folder) / counted.features.shape[1]
    return int(n_features * (words_bytes + 4 * workload.n_classes))
