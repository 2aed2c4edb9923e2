"""Fitting TF-IDF blocks with scikit-learn, and handing them to the bundle's own reader."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize

from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.errors import LabelsTooFew
from firstline.training.candidates.ranges import one_of, whole

BLOCKS = (NgramBlock("word", 1, 2), NgramBlock("char", 2, 4))
"""Words and parts of words, as `linear.v1` counts them by default."""


@dataclass(frozen=True)
class NgramSettings:
    """Which n-grams are counted."""

    words_to: int = whole(2, 1, 3, "words in the longest run of words that is a feature")
    chars_from: int = whole(2, 1, 3, "characters in the shortest run of characters that is a feature")
    chars_to: int = whole(4, 3, 6, "characters in the longest run of characters that is a feature")
    case_tokens: bool = one_of(True, (True, False), "whether capital letters are a feature")

    @property
    def blocks(self) -> tuple[NgramBlock, NgramBlock]:
        """Runs of words, without the tokens for case if `case_tokens` is false, and runs of characters."""
        return (
            NgramBlock("word", 1, self.words_to, self.case_tokens),
            NgramBlock("char", self.chars_from, self.chars_to),
        )


_MOST_WEIGHTS, _LEAST_FEATURES = 6_000_000, 20_000
"""At most so many weights for the features of a block, unless that leaves fewer than 20,000 features."""


class TfidfBlocks:
    """One `TfidfVectorizer` a block; their features are concatenated.

    `most` bounds the features of each block: those that occur in the most texts are kept.
    """

    def __init__(
        self,
        blocks: Sequence[NgramBlock],
        min_df: int = 1,
        dtype: type[np.float32 | np.float64] = np.float64,
        most: int | None = None,
    ) -> None:
        self.blocks = list(blocks)
        self.min_df = min_df
        self.dtype = dtype
        self.most = most

    @classmethod
    def of_many(cls, blocks: Sequence[NgramBlock], n_classes: int) -> Self:
        """For thousands of labelled texts: n-grams of at least two texts, in float32; the more classes, the fewer.

        A model has a weight for each feature and class, and training holds several copies of them.
        """
        return cls(blocks, min_df=2, dtype=np.float32, most=_most_features(n_classes))

    def fit_transform(self, texts: Sequence[str], n_labelled: int | None = None) -> sparse.csr_array:
        """Features of ruled texts, (n_texts, n_features). Raises `LabelsTooFew` if no text has a word.

        Of the first `n_labelled` texts, where given, every n-gram is a feature; of the others, those
        that at least `min_df` texts have.
        """
        if not all(any(block(text) for text in texts) for block in self.blocks):
            raise LabelsTooFew(
                "None of the labelled messages has a word.", "Check the column of the text: --text COLUMN"
            )
        wide = [self._vectorizer(block, self.min_df if n_labelled is None else 1) for block in self.blocks]
        found = [vectorizer.fit_transform(texts) for vectorizer in wide]
        if n_labelled is not None:
            kept = [_counts(values) >= self.min_df for values in found]
            kept = [often | (_counts(values[:n_labelled]) > 0) for values, often in zip(found, kept, strict=True)]
        elif self.most is not None and any(values.shape[1] > self.most for values in found):
            kept = [_of_most_texts(_counts(values), self.most) for values in found]
        else:
            self.vectorizers_ = wide
            return self._stack(found)
        self.vectorizers_ = [
            _narrowed(self._vectorizer(block, 1), vectorizer, columns)
            for block, vectorizer, columns in zip(self.blocks, wide, kept, strict=True)
        ]
        # Dropping columns leaves the others in proportion, so what is left is of unit length again.
        return self._stack([normalize(values[:, columns]) for values, columns in zip(found, kept, strict=True)])

    def _vectorizer(self, block: NgramBlock, min_df: int) -> TfidfVectorizer:
        return TfidfVectorizer(analyzer=block, sublinear_tf=True, min_df=min_df, dtype=self.dtype)

    def transform(self, texts: Sequence[str]) -> sparse.csr_array:
        """Features of ruled texts, (n_texts, n_features)."""
        return self._stack([vectorizer.transform(texts) for vectorizer in self.vectorizers_])

    def fitted(self) -> Tfidf:
        """The same features as serving computes them."""
        vocabularies = [list(vectorizer.get_feature_names_out()) for vectorizer in self.vectorizers_]
        idf = np.concatenate([vectorizer.idf_ for vectorizer in self.vectorizers_]).astype(np.float32)
        return Tfidf(self.blocks, vocabularies, idf)

    @staticmethod
    def _stack(parts: Sequence[sparse.csr_array]) -> sparse.csr_array:
        return sparse.csr_array(sparse.hstack(parts, format="csr"))


def most_weights_bytes(n_classes: int) -> int:
    """What an export of the most features of two blocks takes, with their names."""
    return 2 * _most_features(n_classes) * (4 * n_classes + 12)


def _most_features(n_classes: int) -> int:
    return max(_LEAST_FEATURES, _MOST_WEIGHTS // n_classes)


def _counts(features: sparse.csr_array) -> NDArray[np.int64]:
    """How many texts have each feature, (n_features,)."""
    return np.bincount(features.indices, minlength=features.shape[1])


def _of_most_texts(counts: NDArray[np.int64], most: int) -> NDArray[np.bool_]:
    """Which features to keep by their number of texts, (n_features,): at most so many, but some."""
    least = 1
    while (counts >= least).sum() > most and (counts > least).any():
        least += 1
    return counts >= least


def _narrowed(empty: TfidfVectorizer, fitted: TfidfVectorizer, columns: NDArray[np.bool_]) -> TfidfVectorizer:
    """The fitted vectorizer with some of its columns, (n_features,), only."""
    empty.set_params(vocabulary=[str(name) for name in fitted.get_feature_names_out()[columns]])
    empty.idf_ = fitted.idf_[columns]
    return empty
