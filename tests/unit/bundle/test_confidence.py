import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.bundle.confidence import confidence_of, signs, with_confidence
from firstline.bundle.manifest import BetaCalibration

NOTHING = BetaCalibration(a=1.0, b=1.0, c=0.0)
SURER = BetaCalibration(a=1.0, b=1.0, c=1.0)
LESS_SURE = BetaCalibration(a=1.0, b=1.0, c=-1.0)


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, np.float32)


def test_nothing_is_done_without_it() -> None:
    probabilities = rows([0.7, 0.2, 0.1])
    assert with_confidence(probabilities, None) is probabilities


def test_the_weights_of_nothing_change_nothing() -> None:
    probabilities = rows([0.7, 0.2, 0.1], [0.1, 0.45, 0.45])
    np.testing.assert_allclose(with_confidence(probabilities, NOTHING), probabilities, atol=1e-6)


def test_the_best_class_gets_its_confidence() -> None:
    beta = BetaCalibration(a=0.5, b=2.0, c=0.3, lead=0.25)
    logit = 0.5 * np.log(0.6) - 2.0 * np.log(0.4) + 0.25 * np.log(0.6 / 0.3) + 0.3
    found = with_confidence(rows([0.1, 0.6, 0.3]), beta)
    assert found[0, 1] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-6)


def test_a_confidence_that_rises_takes_from_the_others_in_proportion() -> None:
    best, second, third = with_confidence(rows([0.5, 0.3, 0.2]), SURER)[0]
    assert best > 0.5
    assert second / third == pytest.approx(1.5)


def test_a_confidence_that_falls_brings_all_nearer_to_each_other() -> None:
    best, second, third = with_confidence(rows([0.7, 0.3, 0.0]), LESS_SURE)[0]
    assert 1 / 3 < best < 0.7
    assert third > 0
    assert (second - third) / (best - third) == pytest.approx(3 / 7, abs=1e-5)


def test_it_never_falls_to_the_even_distribution() -> None:
    found = with_confidence(rows([0.1, 0.6, 0.3]), BetaCalibration(a=1.0, b=1.0, c=-50.0))[0]
    assert found.argsort().tolist() == [0, 2, 1]


def test_a_larger_lead_makes_surer() -> None:
    beta = BetaCalibration(a=1.0, b=1.0, c=0.0, lead=1.0)
    close, clear = with_confidence(rows([0.5, 0.4, 0.1], [0.5, 0.25, 0.25]), beta).max(axis=1)
    assert close < clear


def test_messages_do_not_change_each_other() -> None:
    both = rows([0.5, 0.3, 0.2], [0.2, 0.2, 0.6])
    np.testing.assert_array_equal(with_confidence(both, SURER)[1:], with_confidence(both[1:], SURER))


def test_no_messages_and_one_class_are_no_failure() -> None:
    assert with_confidence(np.empty((0, 3), np.float32), SURER).shape == (0, 3)
    assert with_confidence(np.ones((1, 1), np.float32), SURER).tolist() == [[1.0]]


@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4), min_size=1, max_size=4),
    st.sampled_from([0.01, 0.3, 1.0, 20.0]),
    st.sampled_from([0.0, 0.3, 20.0]),
    st.sampled_from([0.0, 3.0]),
    st.sampled_from([-20.0, -1.0, 0.0, 1.0, 20.0]),
)
def test_rows_stay_probabilities_in_the_same_order(
    values: list[list[float]], a: float, b: float, lead: float, c: float
) -> None:
    found = np.array(values, np.float64) + 1e-9
    before = (found / found.sum(axis=1, keepdims=True)).astype(np.float32)
    after = with_confidence(before, BetaCalibration(a, b, c, lead))
    order = np.argsort(-before, axis=1, kind="stable")
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)
    assert (after >= 0).all()
    assert (after.argmax(axis=1) == before.argmax(axis=1)).all()
    assert (np.diff(np.take_along_axis(after, order, axis=1), axis=1) <= 0).all()


def test_classes_that_become_equal_keep_the_best_one() -> None:
    nearly = np.float32(0.5)
    before = np.array([[np.nextafter(nearly, np.float32(0)), nearly, 1e-9]], np.float32)
    assert with_confidence(before, BetaCalibration(a=1.0, b=1.0, c=-50.0)).argmax() == 1


def test_signs_of_certain_and_impossible_answers_are_finite() -> None:
    found = signs(rows([1.0, 0.0, 0.0]))
    assert np.isfinite(found).all()
    assert confidence_of(found, BetaCalibration(a=100.0, b=100.0, c=0.0)) == pytest.approx(1)


@pytest.mark.parametrize(
    "values",
    [(0, 0, 0), (-1, 1, 0), (1, -1, 0), (101, 1, 0), (float("nan"), 1, 0), (1, 1, float("inf")), (1, 1, 0, -1)],
)
def test_weights_that_would_change_the_order_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="beta calibration has"):
        BetaCalibration(*values)


@pytest.mark.parametrize("beta", [None, BetaCalibration(1.0, 1.0, 0.0)])
def test_no_confidence_is_above_1_though_a_row_sums_to_more(beta: BetaCalibration | None) -> None:
    assert with_confidence(np.array([[1.005, 0.001]], np.float32), beta).max() <= 1
