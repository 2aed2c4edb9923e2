"""`lsa.v1`: TF-IDF, and beside it what the unlabelled messages tell about which words belong together.

Latent semantic analysis (Deerwester et al. 1990) of all messages. It is linear, and so is the head on top
of it: both together are one weight for each n-gram and class, so serving costs what `linear.v1` costs.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Self

import numpy as np
from scipy import sparse

from firstline.steps import Stage
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.candidates.latent import MOST_UNLABELLED, N_COMPONENTS, some, to_components
from firstline.training.candidates.linear import Linear
from firstline.training.candidates.regression import COUNTS_C, MAX_ITER, Regression, fit_regression
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message


class Lsa(Linear):
    """Logistic regression over TF-IDF and its latent components.

    All components together count `share` times what TF-IDF counts, see `latent.to_components`. n-grams come from
    unlabelled messages too, at most `max_unlabelled` of them, drawn at random, where at least two messages have them.
    """

    def __init__(
        self,
        rules: TextRules,
        seed: int = 0,
        C: float = COUNTS_C,
        max_iter: int = MAX_ITER,
        n_components: int = N_COMPONENTS,
        share: float = 1.0,
        max_unlabelled: int = MOST_UNLABELLED,
        words_to: int = 2,
        chars_from: int = 2,
        chars_to: int = 4,
        case_tokens: bool = True,
    ) -> None:
        super().__init__(rules, seed, C, max_iter, words_to, chars_from, chars_to, case_tokens)
        self.n_components = n_components
        self.share = share
        self.max_unlabelled = max_unlabelled

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Nothing is shared: held-out messages must not shape the components that they are judged with."""
        yield from ()
        return lambda: cls(context.rules, context.seed, **context.chosen_for("lsa.v1"))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn components from all messages, and classes from the labelled ones."""
        texts = self._texts([*messages, *some(unlabelled, self.max_unlabelled, self.seed)])
        self.tfidf_ = TfidfBlocks(self.blocks, min_df=2)
        features = self.tfidf_.fit_transform(texts, n_labelled=len(messages)).astype(np.float32)
        to_latent = to_components(features, self.n_components, self.share, self.seed)
        labelled = features[: len(messages)]
        latent = sparse.csr_array(np.asarray(labelled @ to_latent, np.float32))
        found = fit_regression(
            sparse.csr_array(sparse.hstack([labelled, latent], format="csr")), labels, self.C, self.max_iter
        )
        n_features = features.shape[1]
        weights = found.weights[:n_features] + to_latent @ found.weights[n_features:]
        self.regression_ = Regression(np.ascontiguousarray(weights, np.float32), found.bias, found.labels)
        self.labels_ = found.labels
        return self

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        names = ("n_components", "share", "max_unlabelled")
        return {**super().describe(), **{name: getattr(self, name) for name in names}}
