"""What a teacher reads, and what it says of unlabelled messages."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.steps import run_to_end
from firstline.text.rules import TextRules
from firstline.training import encoders
from firstline.training.candidates.base import Context
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.pool_features import PoolFeatures, gather_pool_features
from firstline.training.candidates.teacher import Neighbours, Teacher
from firstline.training.candidates.ulmfit.candidate import Ulmfit
from firstline.training.encoders import Known
from firstline.types import Message
from tests.encoders import CountingEncoder

MESSAGES = [
    Message(text) for text in ("где моя карта", "перевод не дошёл", "карта 17 не работает", "когда придёт перевод")
]


class Words(CountingEncoder):
    """In the place of navec."""

    name = "navec"
    id = "navec-1"


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    """Vectors of words that are installed."""
    made = Words()
    monkeypatch.setitem(encoders._ENCODERS, "navec", Known(("numpy",), lambda cache: made))
    return made


def context(language: str) -> Context:
    return Context(TextRules.of_language(language), language=language)


def pool_features(vectors: NDArray[np.float32]) -> PoolFeatures:
    """Of messages whose features are `vectors`."""
    place = {Message(str(row)): row for row in range(len(vectors))}
    return PoolFeatures(place, {"own": vectors}, Neighbours.of(vectors))


def soft_labels(
    vectors: list[list[float]],
    labelled: list[int],
    labels: list[int],
    unlabelled: list[int],
    expert: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    messages, others = ([Message(str(row)) for row in rows] for rows in (labelled, unlabelled))
    pool = pool_features(np.array(vectors, np.float32))
    return pool.soft_labels(Teacher(), messages, np.array(labels, np.int64), others, expert)


def test_soft_labels_follow_what_is_near() -> None:
    found = soft_labels([[1, 0], [0, 1], [1, 0.1], [0.1, 1]], [0, 1], [0, 1], [2, 3])
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_messages_that_are_held_out_say_nothing() -> None:
    vectors: list[list[float]] = [[1, 0], [0, 1], [1, 0.1]]
    found = soft_labels(vectors, [0, 1], [0, 1], [2])
    with_held_out = soft_labels([*vectors, [1, 0.11], [1, 0.09]], [0, 1], [0, 1], [2])
    np.testing.assert_allclose(found, with_held_out, atol=1e-6)


def test_without_unlabelled_messages_there_are_no_soft_labels() -> None:
    assert soft_labels([[1, 0], [0, 1]], [0, 1], [0, 1], []).shape == (0, 2)


def test_an_expert_counts_three_times_what_the_teacher_says() -> None:
    vectors: list[list[float]] = [[1, 0], [0, 1], [1, 0.1]]
    alone = soft_labels(vectors, [0, 1], [0, 1], [2])[0]
    against = soft_labels(vectors, [0, 1], [0, 1], [2], np.array([[0.1, 0.9]], np.float32))[0]
    agreeing = soft_labels(vectors, [0, 1], [0, 1], [2], np.array([[0.9, 0.1]], np.float32))[0]
    assert against[0] < alone[0] < agreeing[0]
    own = 2 * alone - np.array([1.0, 0.0])
    expected = own**0.25 * np.array([0.1, 0.9]) ** 0.75
    np.testing.assert_allclose(2 * against - np.array([1.0, 0.0]), expected / expected.sum(), atol=1e-3)


def test_a_teacher_of_russian_reads_vectors_of_words_too(words: Words) -> None:
    found = run_to_end(gather_pool_features(context("ru"), MESSAGES, CountingEncoder()))
    assert list(found.features) == ["tfidf", "lsa", "fake", "navec"]
    assert found.features["navec"].shape == (4, 3)
    assert words.asked


def test_vectors_of_russian_words_are_of_no_use_elsewhere(words: Words) -> None:
    found = run_to_end(gather_pool_features(context("en"), MESSAGES, CountingEncoder()))
    assert list(found.features) == ["tfidf", "lsa", "fake"]
    assert not words.asked


def test_an_encoder_is_read_once(words: Words) -> None:
    assert list(run_to_end(gather_pool_features(context("ru"), MESSAGES, words)).features) == ["tfidf", "lsa", "navec"]


def test_who_wants_no_encoder_gets_none(words: Words) -> None:
    assert list(run_to_end(gather_pool_features(context("ru"), MESSAGES, None)).features) == ["tfidf", "lsa"]


def test_a_run_knows_what_the_teacher_read(words: Words) -> None:
    assert Ulmfit.encoders(context("ru"))[1:] == FineTuned.encoders(context("ru"))[1:] == ("navec",)
    assert Ulmfit.encoders(context("en"))[1:] == FineTuned.encoders(context("en"))[1:] == ()


def test_what_is_not_installed_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encoders._ENCODERS, "navec", Known(("no_such_module",), lambda cache: Words()))
    assert list(run_to_end(gather_pool_features(context("ru"), MESSAGES, CountingEncoder())).features)[2:] == ["fake"]
