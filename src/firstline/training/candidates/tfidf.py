"""Fitting TF-IDF blocks with scikit-learn, and handing them to the bundle's own reader."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.errors import LabelsTooFew


class TfidfBlocks:
    """One `TfidfVectorizer` a block; their features stand side by side."""

    def __init__(self, blocks: Sequence[NgramBlock], min_df: int = 1) -> None:
        self.blocks = list(blocks)
        self.min_df = min_df

    def fit_transform(self, texts: Sequence[str]) -> sparse.csr_array:
        """Features of ruled texts, (n_texts, n_features). Raises `LabelsTooFew` where no text has a word."""
        if not all(any(block(text) for text in texts) for block in self.blocks):
            raise LabelsTooFew(
                "None of the labelled messages has a word.", "Check the column of the text: --text COLUMN"
            )
        self.vectorizers_ = [
            TfidfVectorizer(analyzer=block, sublinear_tf=True, min_df=self.min_df, dtype=np.float64)
            for block in self.blocks
        ]
        return self._stack([vectorizer.fit_transform(texts) for vectorizer in self.vectorizers_])

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
