import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.evaluation.power_law import expectations, fit_power_law

SIZES = np.array([100.0, 200.0, 400.0, 800.0])
WIDTHS = np.full(4, 0.02)


def by_law(floor: float, scale: float, exponent: float) -> NDArray[np.float64]:
    return np.asarray(floor + scale * SIZES**-exponent, np.float64)


def answers(errors: NDArray[np.float64], n_held_out: int, n_repetitions: int = 4) -> list[NDArray[np.bool_]]:
    """Each repetition is wrong by chance, on the same messages at all sizes."""
    random = np.random.default_rng(0)
    hardness = [random.random(n_held_out) for _ in range(n_repetitions)]
    return [np.stack([hard >= error for error in errors]) for hard in hardness]


@pytest.mark.parametrize("law", [(0.1, 3.0, 0.5), (0.0, 2.0, 0.3), (0.2, 20.0, 1.0)])
def test_law_of_exact_points_is_found(law: tuple[float, float, float]) -> None:
    found = fit_power_law(SIZES, by_law(*law), WIDTHS)
    assert found is not None
    assert found.error(2_000) == pytest.approx(law[0] + law[1] * 2_000 ** -law[2], abs=0.005)


def test_a_wide_point_counts_little() -> None:
    errors = by_law(0.1, 3.0, 0.5)
    errors[0] += 0.2
    widths = np.array([10.0, 0.02, 0.02, 0.02])
    found = fit_power_law(SIZES, errors, widths)
    assert found is not None
    assert found.error(2_000) == pytest.approx(0.1 + 3 * 2_000**-0.5, abs=0.01)


def test_rising_errors_make_a_flat_law() -> None:
    found = fit_power_law(SIZES, np.array([0.2, 0.25, 0.3, 0.35]), WIDTHS)
    assert found is not None
    assert found.error(100) == pytest.approx(found.error(10_000), abs=0.01)


def test_two_points_are_too_few() -> None:
    assert fit_power_law(SIZES[:2], np.array([0.4, 0.3]), WIDTHS[:2]) is None


def test_no_error_at_all_has_a_law() -> None:
    found = fit_power_law(SIZES, np.zeros(4), np.zeros(4))
    assert found is not None
    assert found.error(1_000) == pytest.approx(0, abs=1e-3)


def test_the_truth_lies_in_the_interval() -> None:
    _, (expected,) = expectations(SIZES, answers(by_law(0.1, 3.0, 0.5), 400), WIDTHS, [1_600], seed=1)
    assert expected.accuracy_low < 1 - (0.1 + 3 * 1_600**-0.5) < expected.accuracy_high
    assert expected.accuracy_low < expected.accuracy < expected.accuracy_high


def test_more_messages_make_the_interval_narrower() -> None:
    widths = []
    for n_held_out in (50, 2_000):
        _, (expected,) = expectations(SIZES, answers(by_law(0.1, 3.0, 0.5), n_held_out), WIDTHS, [1_600], seed=1)
        widths.append(expected.accuracy_high - expected.accuracy_low)
    assert widths[1] < widths[0] / 2


def test_repetitions_that_differ_make_the_interval_wider() -> None:
    alike = answers(by_law(0.1, 3.0, 0.5), 400)
    apart = [*alike[:2], *answers(by_law(0.35, 3.0, 0.5), 400)[:2]]
    narrow, wide = (expectations(SIZES, given, WIDTHS, [1_600], seed=1)[1][0] for given in (alike, apart))
    assert wide.accuracy_high - wide.accuracy_low > 1.5 * (narrow.accuracy_high - narrow.accuracy_low)


def test_same_seed_same_interval_and_another_seed_another() -> None:
    given = answers(by_law(0.1, 3.0, 0.5), 100)
    first, again, other = (expectations(SIZES, given, WIDTHS, [1_600], seed)[1][0] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_expectations_of_two_points_are_refused() -> None:
    few = [np.array([[True, False], [True, True]])]
    with pytest.raises(ValueError, match="needs 3 points, got 2"):
        expectations(SIZES[:2], few, WIDTHS[:2], [1_600], seed=1)
