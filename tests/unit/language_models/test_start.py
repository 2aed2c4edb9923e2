from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from firstline.language_models.model import LanguageModel
from firstline.language_models.start import embedding_of_vectors, from_scratch, own_tokenizer, with_meaning
from firstline.text.rules import TextRules

RULES = TextRules.of_language("ru")
TOKENIZER = own_tokenizer(["слово ещё", "и ещё одно слово"])


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


def pretrained(n_tokens: int, n_embedding: int, seed: int = 1) -> LanguageModel:
    card = from_scratch(["слово ещё"], np.zeros((1, 2), np.float32), "ru", RULES, "forward", 0, TOKENIZER).card
    weights = {
        "encoder.encoder.weight": torch.from_numpy(np.random.default_rng(seed).normal(size=(n_tokens, n_embedding)))
    }
    return LanguageModel(card, TOKENIZER, weights)


def embedding_with_meaning(
    rows: Sequence[NDArray[np.int64]], vectors: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    base = pretrained(40, 12)
    found = with_meaning(base, rows, vectors.astype(np.float32), seed=0)
    before, after = (model.weights["encoder.encoder.weight"].numpy().astype(np.float64) for model in (base, found))
    return before, after


def test_a_pretrained_embedding_learns_what_messages_mean() -> None:
    random = np.random.default_rng(0)
    rows = [np.array([1, *random.integers(5, 35, 8)]) for _ in range(400)]
    vectors = means(rows, random.normal(size=(35, 4)))
    before, after = embedding_with_meaning(rows, vectors)

    def explained(embedding: NDArray[np.float64]) -> float:
        known = means(rows, embedding)
        known = np.column_stack([known, np.ones(len(known))])
        left = vectors - known @ np.linalg.lstsq(known, vectors, rcond=None)[0]
        return float(1 - left.var() / vectors.var())

    assert explained(before) < 0.6
    assert explained(after) > 0.95


def test_what_a_pretrained_embedding_knows_beside_that_stays() -> None:
    random = np.random.default_rng(0)
    rows = [np.array([1, *random.integers(5, 35, 8)]) for _ in range(400)]
    before, after = embedding_with_meaning(rows, means(rows, random.normal(size=(35, 4))))
    np.testing.assert_allclose(after[35:], before[35:], atol=1e-6)
    changed = np.linalg.svd(after[5:35] - before[5:35], compute_uv=False)
    assert changed[3] > 1e-2 > 1e-5 > changed[4]


def test_meaning_that_tells_nothing_leaves_a_usable_embedding() -> None:
    rows = [np.array([1, 5, 6]), np.array([1]), np.array([1, 7])] * 4
    _, after = embedding_with_meaning(rows, np.zeros((12, 2)))
    assert np.isfinite(after).all()
