"""`forest.v1`: TF-IDF and a random forest, the reference that every other candidate has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from firstline.bundle.parts.forest import TfidfForest, Trees
from firstline.evaluation.serving_cost import resident_bytes
from firstline.training.candidates.base import Standalone
from firstline.training.candidates.estimate import TEXT_BYTES, Eligible, Estimate, Workload, from_sample, side_by_side
from firstline.training.candidates.ranges import one_of, whole
from firstline.training.candidates.tfidf import NgramSettings, TfidfBlocks
from firstline.types import Label, Message


@dataclass(frozen=True)
class ForestSettings(NgramSettings):
    """What can be set; the defaults were chosen by experiment, see docs/EXPERIMENTS.md."""

    words_to: int = whole(1, 1, 3, "words in the longest run of words that is a feature")
    chars_to: int = whole(5, 3, 6, "characters in the longest run of characters that is a feature")
    case_tokens: bool = one_of(False, (True, False), "whether capital letters are a feature")
    n_trees: int = whole(300, 50, 600, "trees of the forest")
    min_df: int = whole(3, 1, 6, "messages that must have a feature")
    max_features: str = one_of("sqrt", ("sqrt", "log2"), "how many features a split looks at, of their number")


class Forest(Standalone):
    """A random forest over words and parts of words; each tree sees every message."""

    name = "forest.v1"
    settings_type: ClassVar[type] = ForestSettings
    settings: ForestSettings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """Always."""
        return True, "the reference that every other candidate has to beat"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """A little more than in step with the messages; the trees grow on all cores."""
        seconds, disk = from_sample(cls, workload, growth=1.2, size_growth=1.0, n_threads=side_by_side())
        # While it grows, each node has a number for each class.
        memory = TEXT_BYTES * workload.n_labelled + disk / 2 * workload.n_classes
        return Estimate(seconds, resident_bytes() + int(memory), int(disk))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        settings, texts = self.settings, self._texts(messages)
        self.tfidf_ = TfidfBlocks(settings.blocks, min_df=min(settings.min_df, max(1, len(texts) // 50)))
        features = self.tfidf_.fit_transform(texts)
        self.model_ = RandomForestClassifier(
            settings.n_trees,
            max_features=settings.max_features,
            bootstrap=False,
            n_jobs=-1,
            random_state=self.seed,
        )
        self.model_.fit(features, np.asarray(labels))
        self.labels_ = [str(label) for label in self.model_.classes_]
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        features = self.tfidf_.transform(self._texts(messages))
        return np.asarray(self.model_.predict_proba(features), np.float32)

    def export(self, folder: Path) -> str:
        """Write the n-grams and the trees; returns the kind of the part."""
        TfidfForest(self.tfidf_.fitted(), _table(self.model_), len(self.labels_)).save(folder)
        return TfidfForest.kind


def _table(model: RandomForestClassifier) -> Trees:
    """All trees of a fitted forest in one table of nodes."""
    trees = [estimator.tree_ for estimator in model.estimators_]
    root = np.cumsum([0, *(tree.node_count for tree in trees[:-1])])

    def children(side: str) -> NDArray[np.int32]:
        moved = [
            np.where(getattr(tree, side) < 0, -1, getattr(tree, side) + offset)
            for tree, offset in zip(trees, root, strict=True)
        ]
        return np.concatenate(moved).astype(np.int32)

    left = children("children_left")
    shares = np.concatenate([tree.value[:, 0, :] for tree in trees])
    shares[left >= 0] = 0
    node, label = np.nonzero(shares)
    return Trees(
        root=root.astype(np.int32),
        feature=np.concatenate([tree.feature for tree in trees]).astype(np.int32),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        left=left,
        right=children("children_right"),
        share_start=np.searchsorted(node, np.arange(len(left) + 1)).astype(np.int32),
        share_label=label.astype(np.int32),
        share=shares[node, label].astype(np.float32),
    )
