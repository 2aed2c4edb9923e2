"""`linear.v1`: word and character TF-IDF, multinomial logistic regression."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock
from firstline.steps import Stage
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context, OnePart
from firstline.training.candidates.regression import COUNTS_C, MAX_ITER, fit_regression
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message


class Linear(OnePart):
    """Logistic regression whose classes weigh the same, whatever their number of messages.

    Its features are runs of 1 to `words_to` words, without the tokens for case where `case_tokens` is false, and
    runs of `chars_from` to `chars_to` characters.
    """

    def __init__(
        self,
        rules: TextRules,
        seed: int = 0,
        C: float = COUNTS_C,
        max_iter: int = MAX_ITER,
        words_to: int = 2,
        chars_from: int = 2,
        chars_to: int = 4,
        case_tokens: bool = True,
    ) -> None:
        self.rules = rules
        self.seed = seed
        self.C = C
        self.max_iter = max_iter
        self.blocks = (NgramBlock("word", 1, words_to, case_tokens), NgramBlock("char", chars_from, chars_to))

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: each training starts from the texts."""
        yield from ()
        return lambda: cls(context.rules, context.seed, **context.chosen_for("linear.v1"))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        self.tfidf_ = TfidfBlocks(self.blocks)
        features = self.tfidf_.fit_transform(self._texts(messages))
        self.regression_ = fit_regression(features, labels, self.C, self.max_iter)
        self.labels_ = self.regression_.labels
        return self

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities, (n_messages, n_labels); rows sum to 1."""
        return self.regression_.predict_proba(self.tfidf_.transform(self._texts(messages)))

    def export(self, folder: Path) -> str:
        """Write the n-grams and their weights; returns the kind of the part."""
        TfidfLinear(self.tfidf_.fitted(), self.regression_.weights, self.regression_.bias).save(folder)
        return TfidfLinear.kind

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        blocks = [block.__dict__ for block in self.blocks]
        return {"C": self.C, "max_iter": self.max_iter, "class_weight": "balanced", "blocks": blocks}

    def _texts(self, messages: Sequence[Message]) -> list[str]:
        return [self.rules.with_segment(message.text, message.segment) for message in messages]
