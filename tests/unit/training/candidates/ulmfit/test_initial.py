from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.training.candidates.ulmfit.initial import embedding_of_vectors


def means(rows: Sequence[NDArray[np.int64]], embedding: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([embedding[row[1:]].mean(axis=0) for row in rows])


def test_the_mean_of_a_messages_embeddings_is_near_its_vector() -> None:
    random = np.random.default_rng(0)
    rows = [np.array([1, *random.integers(5, 35, 8)]) for _ in range(400)]
    vectors = means(rows, random.normal(size=(35, 4)))
    embedding = embedding_of_vectors(rows, 40, vectors.astype(np.float32), n_embedding=6, seed=0)
    assert embedding.shape == (40, 6)
    assert embedding.dtype == np.float32
    # Principal components turn the space and a factor stretches it: products among messages stay in proportion.
    found = means(rows, embedding[:, :4].astype(np.float64))
    assert np.corrcoef((found @ found.T).ravel(), (vectors @ vectors.T).ravel())[0, 1] > 0.999


def test_tokens_that_no_message_has_start_small() -> None:
    rows = [np.array([1, 5, 6 + n % 3]) for n in range(30)]
    vectors = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    embedding = embedding_of_vectors(rows, 900, vectors, n_embedding=8, seed=0)
    assert embedding[9:].std() == pytest.approx(0.03, rel=0.05)
    assert embedding[5:9, :3].std() == pytest.approx(0.15, rel=0.1)


def test_vectors_that_tell_nothing_do_not_disturb() -> None:
    rows = [np.array([1, 5, 6]), np.array([1]), np.array([1, 7])] * 4
    assert np.isfinite(embedding_of_vectors(rows, 8, np.zeros((12, 2), np.float32), n_embedding=8, seed=0)).all()
