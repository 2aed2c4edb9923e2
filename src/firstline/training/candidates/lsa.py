"""`lsa.v1`: TF-IDF, and beside it what the unlabelled messages tell about which words belong together.

Latent semantic analysis (Deerwester et al. 1990) of all messages. It is linear, and so is the head on top
of it: both together are one weight for each n-gram and class, so serving costs what `linear.v1` costs.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import TruncatedSVD

from firstline.steps import Stage
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Context
from firstline.training.candidates.linear import Linear
from firstline.training.candidates.regression import Regression, fit_regression
from firstline.training.candidates.tfidf import TfidfBlocks
from firstline.types import Label, Message

_LEAST_SINGULAR = 1e-6


class Lsa(Linear):
    """Logistic regression over TF-IDF and its latent components.

    A component counts by the square root of its singular value, all together `share` times what TF-IDF
    counts. n-grams come from unlabelled messages too, at most `max_unlabelled` of them, drawn at random,
    where at least two messages have them.
    """

    def __init__(
        self,
        rules: TextRules,
        seed: int = 0,
        C: float = 30.0,
        max_iter: int = 300,
        n_components: int = 300,
        share: float = 1.0,
        max_unlabelled: int = 20_000,
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


def to_components(features: sparse.csr_array, n_components: int, share: float, seed: int) -> NDArray[np.float32]:
    """From features to latent components, (n_features, n_components): rows of mean length `share` come out."""
    n_components = min(n_components, *(size - 1 for size in features.shape))
    if n_components < 1 or not features.nnz:
        return np.zeros((features.shape[1], 1), np.float32)
    # Texts that are all the same have no variance, which scikit-learn divides by.
    with np.errstate(invalid="ignore", divide="ignore"):
        svd = TruncatedSVD(n_components, random_state=seed, n_iter=2)
        latent = svd.fit_transform(features)
    roots = np.sqrt(np.maximum(svd.singular_values_, _LEAST_SINGULAR))
    size = float(np.sqrt(((latent / roots) ** 2).sum(axis=1).mean()))
    return np.asarray(svd.components_.T / roots * (share / max(size, _LEAST_SINGULAR)), np.float32)


def some(messages: Sequence[Message], most: int, seed: int) -> list[Message]:
    """At most so many, drawn at random, in their order."""
    if len(messages) <= most:
        return list(messages)
    drawn = np.random.default_rng(seed).permutation(len(messages))[:most]
    return [messages[place] for place in np.sort(drawn)]
