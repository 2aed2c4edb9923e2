"""Weights of a blend."""

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.training.mixture import fit_mixture

RANDOM = np.random.default_rng(0)
N, N_LABELS = 600, 4
TRUTH = RANDOM.integers(0, N_LABELS, N)
FREE = {"a": 0.0, "b": 0.0, "c": 0.0}


def knows(rows: NDArray[np.bool_], strength: float = 0.85) -> NDArray[np.float32]:
    """Probabilities that are right and fairly sure on `rows`, and know nothing elsewhere."""
    found = np.full((N, N_LABELS), 1 / N_LABELS, np.float32)
    is_right = RANDOM.random(N) < strength
    guess = np.where(is_right, TRUTH, RANDOM.integers(0, N_LABELS, N))
    sure = np.full((N, N_LABELS), (1 - strength) / (N_LABELS - 1), np.float32)
    sure[np.arange(N), guess] = strength
    found[rows] = sure[rows]
    return found


FIRST_HALF = np.arange(N) < N / 2


def test_two_that_know_different_things_share_the_weight() -> None:
    mixture = fit_mixture({"a": knows(FIRST_HALF), "b": knows(~FIRST_HALF)}, TRUTH, FREE)
    assert set(mixture.weights) == {"a", "b"}
    assert sum(mixture.weights.values()) == pytest.approx(1, abs=1e-3)
    assert min(mixture.weights.values()) > 0.3


def test_a_part_that_knows_nothing_is_dropped_and_said() -> None:
    nothing = np.full((N, N_LABELS), 1 / N_LABELS, np.float32)
    mixture = fit_mixture({"a": knows(FIRST_HALF | True), "b": nothing}, TRUTH, FREE)
    assert mixture.weights == {"a": 1.0}
    assert set(mixture.dropped) == {"b"}
    assert abs(mixture.dropped["b"]) < 0.004


def test_a_part_must_bring_more_the_slower_it_is() -> None:
    parts = {"a": knows(FIRST_HALF), "b": knows(~FIRST_HALF)}
    assert set(fit_mixture(parts, TRUTH, {"a": 1.0, "b": 1.0}).weights) == {"a", "b"}
    assert len(fit_mixture(parts, TRUTH, {"a": 1.0, "b": 5_000.0}).weights) == 1


def test_the_mixture_is_likelier_than_its_best_part() -> None:
    parts = {"a": knows(FIRST_HALF), "b": knows(~FIRST_HALF)}
    mixed = fit_mixture(parts, TRUTH, FREE).predict_proba(parts)
    alone = max(np.log(found[np.arange(N), TRUTH]).mean() for found in parts.values())
    assert np.log(mixed[np.arange(N), TRUTH]).mean() > alone + 0.1
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-5)


def test_of_parts_that_are_too_slow_together_the_likeliest_set_is_mixed() -> None:
    fifth = np.arange(N) % 5
    parts = {"a": knows(fifth == 0), "b": knows((fifth == 1) | (fifth == 2)), "c": knows(fifth > 2)}
    slow = {"a": 1.0, "b": 6.0, "c": 6.0}
    mixture = fit_mixture(parts, TRUTH, FREE, fits=lambda names: sum(slow[name] for name in names) <= 12.5)
    assert set(mixture.weights) == {"b", "c"}
    assert (mixture.too_slow, mixture.dropped) == (("a",), {})
    mixture = fit_mixture(parts, TRUTH, FREE, fits=lambda names: sum(slow[name] for name in names) <= 7.5)
    assert set(mixture.weights) in ({"a", "b"}, {"a", "c"})
    assert set(fit_mixture(parts, TRUTH, FREE, fits=lambda names: len(names) < 2).weights) < {"b", "c"}


def test_classes_that_no_fold_learned_do_not_count() -> None:
    found = knows(FIRST_HALF | True)
    unseen = TRUTH == 3
    found[unseen] = np.array([1, 0, 0, 0], np.float32)
    with_all = fit_mixture({"a": found}, TRUTH, FREE)
    without = fit_mixture({"a": found}, TRUTH, FREE, ~unseen)
    assert with_all.temperatures["a"] > 1.5 * without.temperatures["a"]
