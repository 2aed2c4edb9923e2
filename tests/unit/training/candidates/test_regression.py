import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from firstline.training.candidates import regression
from firstline.training.candidates.regression import fit_regression

WIDE, TALL = (40, 200), (200, 12)


def separable(n_messages: int, n_features: int, n_labels: int) -> tuple[NDArray[np.float32], list[str]]:
    """Features in which each class is raised in its own column."""
    random = np.random.default_rng(n_messages)
    places = np.arange(n_messages) % n_labels
    features = random.normal(size=(n_messages, n_features))
    features[np.arange(n_messages), places] += 1.5
    return features.astype(np.float32), [f"class {place}" for place in places]


@pytest.mark.parametrize("shape", [WIDE, TALL])
@pytest.mark.parametrize("n_labels", [2, 5])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_it_predicts_what_scikit_learn_predicts(shape: tuple[int, int], n_labels: int, kind: type) -> None:
    features, labels = separable(*shape, n_labels)
    exact = features.astype(np.float64)
    expected = LogisticRegression(C=0.5, class_weight="balanced", max_iter=5_000, tol=1e-7).fit(exact, labels)
    found = fit_regression(kind(features), labels, C=0.5, max_iter=5_000, tolerance=1e-7)
    assert found.labels == list(expected.classes_)
    np.testing.assert_allclose(found.predict_proba(kind(features)), expected.predict_proba(features), atol=1e-3)
    unseen = separable(shape[0] + 1, shape[1], n_labels)[0]
    np.testing.assert_allclose(found.predict_proba(unseen), expected.predict_proba(unseen), atol=1e-3)


@pytest.mark.parametrize("shape", [WIDE, TALL])
def test_weights_are_float32_of_one_column_a_label(shape: tuple[int, int]) -> None:
    features, labels = separable(*shape, 2)
    found = fit_regression(features, labels, C=1.0, max_iter=100)
    assert (found.weights.shape, found.bias.shape) == ((shape[1], 2), (2,))
    assert found.weights.dtype == found.bias.dtype == np.float32


def test_a_rare_class_weighs_as_much_as_a_frequent_one() -> None:
    features = np.zeros((12, 30), np.float32)
    features[:11, 0] = features[11, 1] = 1
    found = fit_regression(features, ["often"] * 11 + ["seldom"], C=30.0, max_iter=1_000)
    proba = found.predict_proba(features[[0, 11]])
    assert proba[1, 1] == pytest.approx(proba[0, 0], abs=0.02)


def test_messages_that_are_alike_do_not_disturb() -> None:
    features, labels = separable(10, 50, 2)
    features, labels = np.repeat(features, 3, axis=0), [label for label in labels for _ in range(3)]
    exact = features.astype(np.float64)
    found = fit_regression(features, labels, C=1.0, max_iter=1_000, tolerance=1e-7)
    expected = LogisticRegression(C=1.0, class_weight="balanced", max_iter=5_000, tol=1e-7).fit(exact, labels)
    np.testing.assert_allclose(found.predict_proba(features), expected.predict_proba(features), atol=1e-3)


@pytest.mark.parametrize("shape", [(4, 10), (10, 4)])
def test_without_any_feature_all_classes_are_as_likely(shape: tuple[int, int]) -> None:
    features = sparse.csr_array(np.zeros(shape, np.float32))
    found = fit_regression(features, ["a", "b"] * (shape[0] // 2), C=30.0, max_iter=100)
    np.testing.assert_allclose(found.predict_proba(features), 0.5)


def test_labels_sort_as_text() -> None:
    features, _ = separable(12, 30, 4)
    found = fit_regression(features, ["10", "9", "Б", "a"] * 3, C=1.0, max_iter=100)
    assert found.labels == ["10", "9", "a", "Б"]


@pytest.mark.parametrize("n_labels", [2, 5])
def test_many_messages_are_learned_in_steps(n_labels: int) -> None:
    features, labels = separable(800, 100, n_labels)
    wanted = fit_regression(sparse.csr_array(features), labels, C=0.01)
    found = fit_regression(sparse.csr_array(features), labels, C=0.01, in_steps=True)
    assert (found.labels, found.weights.shape) == (wanted.labels, (100, n_labels))
    assert found.weights.dtype == found.bias.dtype == np.float32
    unseen, truth = separable(801, 100, n_labels)
    right = np.array([found.labels.index(label) for label in truth])
    accuracies = [(one.predict_proba(unseen).argmax(axis=1) == right).mean() for one in (found, wanted)]
    assert accuracies[0] > accuracies[1] - 0.03 > 1 / n_labels


def test_steps_are_the_same_each_time_and_leave_rare_classes_their_weight() -> None:
    features = np.zeros((120, 30), np.float32)
    features[:110, 0] = features[110:, 1] = 1
    labels = ["often"] * 110 + ["seldom"] * 10
    found, again = (fit_regression(sparse.csr_array(features), labels, C=30.0, in_steps=True) for _ in range(2))
    np.testing.assert_array_equal(found.weights, again.weights)
    proba = found.predict_proba(features[[0, 119]])
    assert proba[1, 1] == pytest.approx(proba[0, 0], abs=0.1)
    assert proba[1, 1] > 0.8


def test_vectors_of_many_messages_are_solved_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regression, "MLPClassifier", None)
    features, labels = separable(*TALL, 3)
    assert fit_regression(features, labels, C=1.0, in_steps=True).weights.shape == (TALL[1], 3)
