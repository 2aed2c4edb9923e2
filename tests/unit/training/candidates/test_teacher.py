import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from firstline.training.candidates.latent import latent_vectors
from firstline.training.candidates.teacher import Neighbours, Teacher, tfidf_features

TEXTS = ["карта не работает", "карта утеряна", "перевод не дошел", "перевод завис", "оплата прошла"]


def informative(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Features that tell the class, with a little noise."""
    noise = np.random.default_rng(1).normal(0, 0.1, (len(labels), 4))
    return np.asarray(np.eye(4)[labels] + noise, np.float32)


def noise(labels: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.random.default_rng(2).normal(size=(len(labels), 4)).astype(np.float32)


def test_features_are_words_and_their_parts_of_unit_length() -> None:
    found = tfidf_features(TEXTS)
    assert found.shape[0] == len(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(sparse.linalg.norm(found, axis=1), np.sqrt(2), rtol=1e-5)


@pytest.mark.parametrize("text", ["", "...", "xxmask_phone", "xxseg_lead xxseg_lead"])
def test_texts_without_a_letter_have_features_that_tell_nothing(text: str) -> None:
    found = tfidf_features([text] * 12)
    assert len(np.unique(found.toarray(), axis=0)) == 1
    vectors = latent_vectors(found, seed=0)
    assert len(vectors) == 12
    assert np.isfinite(vectors).all()


def test_among_many_texts_what_only_one_has_is_left_out() -> None:
    few, many = tfidf_features(["карта", "перевод"] * 10 + ["ябеда"]), tfidf_features(["карта", "перевод"] * 60 + ["ё"])
    assert few[20].nnz > 0
    assert many[120].nnz == 0


def test_latent_vectors_of_like_texts_are_near_each_other() -> None:
    vectors = latent_vectors(tfidf_features(TEXTS), seed=0)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[4]


def test_the_mixture_prefers_features_that_tell_the_class() -> None:
    labels = np.arange(60) % 4
    teacher = Teacher().fit({"noise": noise(labels), "clear": informative(labels)}, labels, 4)
    assert teacher.weights_["clear"] > teacher.weights_["noise"]


def test_a_mixture_of_clear_features_answers_right() -> None:
    labels = np.arange(60) % 4
    features = {"noise": noise(labels), "clear": informative(labels)}
    found = Teacher().fit(features, labels, 4).predict_proba(features)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    assert (found.argmax(axis=1) == labels).all()


def test_a_class_that_no_message_has_is_as_unlikely_as_can_be() -> None:
    labels = np.array([0, 2] * 10)
    features = {"clear": informative(labels), "noise": noise(labels)}
    found = Teacher().fit(features, labels, 4).predict_proba(features)
    assert found.shape == (20, 4)
    assert found[:, [1, 3]].max() < 1e-6


def test_a_class_of_one_message_is_learned() -> None:
    labels = np.array([0] * 9 + [1] * 9 + [2])
    features = {"clear": informative(labels), "noise": noise(labels)}
    found = Teacher().fit(features, labels, 3).predict_proba(features)
    assert found[-1].argmax() == 2


def test_classes_of_one_message_each_are_mixed_evenly() -> None:
    labels = np.arange(3)
    teacher = Teacher().fit({"clear": informative(labels), "noise": noise(labels)}, labels, 3)
    assert teacher.weights_ == {"clear": 1.0, "noise": 1.0}


def test_a_single_kind_of_features_needs_no_weighing() -> None:
    labels = np.array([0, 1])
    assert Teacher().fit({"clear": informative(labels)}, labels, 2).weights_ == {"clear": 1.0}


def brute_force(
    vectors: NDArray[np.float32], probabilities: NDArray[np.float32], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    expected = np.zeros_like(probabilities)
    for row, unit in enumerate(units):
        cosines = units @ unit
        nearest = [place for place in np.argsort(cosines)[::-1] if place != row]
        counted = [place for place in nearest[:15] if known[place]]
        weights = np.exp((cosines[counted] - 1) / 0.1)
        around = weights @ probabilities[counted] / weights.sum()
        expected[row] = (probabilities[row] + around) / 2
    return expected


def test_neighbours_are_those_of_a_brute_force_search() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1_010, 6)).astype(np.float32)
    probabilities = random.dirichlet(np.ones(3), size=1_010).astype(np.float32)
    known = random.random(1_010) < 0.8
    found = Neighbours.of(vectors).smoothed(probabilities, known)
    np.testing.assert_allclose(found, brute_force(vectors, probabilities, known), atol=1e-4)


def test_of_many_messages_some_are_drawn_that_may_be_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    every = Neighbours.of(vectors)
    monkeypatch.setattr("firstline.training.candidates.teacher._MOST_DRAWN", 100)
    found = Neighbours.of(vectors)
    assert found.places.shape == every.places.shape
    drawn = np.unique(found.places)
    assert len(drawn) <= 100
    assert not (found.places == np.arange(300)[:, None]).any()
    # Those of all that were drawn are found again.
    for row in range(300):
        assert set(every.places[row]) & set(drawn) <= set(found.places[row])


def test_neighbours_that_are_not_known_do_not_count() -> None:
    vectors = np.array([[1, 0], [1, 0.01], [1, 0.02]], np.float32)
    probabilities = np.array([[1, 0], [0, 1], [0, 1]], np.float32)
    known = np.array([True, False, False])
    found = Neighbours.of(vectors).smoothed(probabilities, known)
    assert found[0].tolist() == [1, 0]
    np.testing.assert_allclose(found[1], [0.5, 0.5], atol=1e-6)


def test_a_single_message_has_no_neighbours() -> None:
    found = Neighbours.of(np.ones((1, 3), np.float32))
    assert found.places.shape == (1, 0)
    smoothed = found.smoothed(np.array([[0.3, 0.7]], np.float32), np.array([True]))
    np.testing.assert_allclose(smoothed, [[0.3, 0.7]])


def test_vectors_of_nothing_are_near_to_nothing() -> None:
    found = Neighbours.of(np.zeros((4, 3), np.float32))
    assert np.isfinite(found.weights).all()
    assert found.weights.max() < 1e-3
