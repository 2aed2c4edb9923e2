"""`forest.v1`: TF-IDF and a random forest, the reference that every other candidate has to beat."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from firstline.bundle.parts.forest import TfidfForest, Trees
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.steps import Stage
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context, OnePart
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message


class Forest(OnePart):
    """A random forest over words and parts of words; each tree sees every message.

    Its features are those of `linear.v1` that at least `min_df` messages have. A split looks at as many of
    them as the function `max_features` of their number gives, "sqrt" or "log2".
    """

    def __init__(
        self,
        rules: TextRules,
        seed: int = 0,
        n_trees: int = 300,
        min_df: int = 3,
        max_features: str = "sqrt",
        words_to: int = 1,
        chars_from: int = 2,
        chars_to: int = 5,
        case_tokens: bool = False,
    ) -> None:
        self.rules = rules
        self.seed = seed
        self.n_trees = n_trees
        self.min_df = min_df
        self.max_features = max_features
        self.blocks = (NgramBlock("word", 1, words_to, case_tokens), NgramBlock("char", chars_from, chars_to))

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: each training starts from the texts."""
        yield from ()
        return lambda: cls(context.rules, context.seed, **context.chosen_for("forest.v1"))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        texts = self._texts(messages)
        self.tfidf_ = TfidfBlocks(self.blocks, min_df=min(self.min_df, max(1, len(texts) // 50)))
        features = self.tfidf_.fit_transform(texts)
        self.model_ = RandomForestClassifier(
            self.n_trees,
            max_features=self.max_features,
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

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        blocks = [block.__dict__ for block in self.blocks]
        names = ("n_trees", "min_df", "max_features")
        return {**{name: getattr(self, name) for name in names}, "bootstrap": False, "blocks": blocks}

    def _texts(self, messages: Sequence[Message]) -> list[str]:
        return [self.rules.with_segment(message.text, message.segment) for message in messages]


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
