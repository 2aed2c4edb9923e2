import numpy as np
from numpy.typing import NDArray

from firstline.bundle.manifest import Calibration
from firstline.bundle.outsiders import with_none
from firstline.evaluation.calibration import Calibrator
from firstline.evaluation.decision_basis import DecisionBasis
from firstline.evaluation.out_of_fold import OutOfFold

CALIBRATOR = Calibrator(Calibration(0.5), None)
TRUTH = np.tile(np.arange(3), 10)
FOLDS = np.repeat(np.arange(5), 6)
N_OUTSIDE = 8


def team(repeats: int = 1) -> NDArray[np.float32]:
    """Answers that are right, and differ a little."""
    rows = np.full((len(TRUTH), 3), 0.1) + np.random.default_rng(0).uniform(0, 0.05, (len(TRUTH), 3))
    rows[np.arange(len(TRUTH)), TRUTH] += 0.7
    return np.tile((rows / rows.sum(axis=1, keepdims=True)).astype(np.float32), (repeats, 1, 1))


def basis(repeats: int = 1, none: float = 0.05, outside_none: float = 0.3) -> DecisionBasis:
    outside = np.tile(np.array([0.8, 0.2, 0], np.float32), (repeats, N_OUTSIDE, 1))
    learned = np.ones((repeats, len(TRUTH)), np.bool_)
    answers = OutOfFold(
        team(repeats),
        learned,
        0.0,
        np.full((repeats, len(TRUTH)), none, np.float32),
        with_none(outside, np.full((repeats, N_OUTSIDE), outside_none, np.float32)),
    )
    return DecisionBasis.of(answers, TRUTH, FOLDS, team(repeats), CALIBRATOR)


def test_without_outsiders_the_record_is_that_of_the_classes() -> None:
    answers = OutOfFold(team(), np.ones((1, len(TRUTH)), np.bool_), 0.0)
    record = DecisionBasis.of(answers, TRUTH, FOLDS, team(), CALIBRATOR).record
    assert record.n_messages == len(TRUTH)
    assert record.right.all()
    assert not record.is_none.any()


def test_the_answer_to_an_outsider_is_wrong_whatever_it_is() -> None:
    record = basis().record
    assert (record.n_messages, record.is_none.sum()) == (len(TRUTH) + N_OUTSIDE, N_OUTSIDE)
    assert not record.right[record.is_none].any()
    assert record.right[~record.is_none].all()


def test_outsiders_are_calibrated_like_the_others() -> None:
    record = basis().record
    # .8 and .2 to the power of 2, made to sum to 1.
    np.testing.assert_allclose(record.confidence[record.is_none], 0.64 / 0.68, atol=1e-6)


def test_each_repeat_has_answers_to_all() -> None:
    record = basis(2).record
    assert (record.n_messages, record.n_repeats, record.is_none.sum()) == (len(TRUTH) + N_OUTSIDE, 2, 2 * N_OUTSIDE)


def test_an_answer_is_unknown_where_none_is_likelier_than_each_class() -> None:
    likeliest = basis(outside_none=0.5).record
    assert (likeliest.novelty[likeliest.is_none] == 1).all()
    assert likeliest.novelty[~likeliest.is_none].max() < 1
    # None has .4, the likeliest class .8 of .6.
    below = basis(outside_none=0.4)
    np.testing.assert_allclose(
        below.record.novelty[below.record.is_none], np.sort(below.novelty.outsiders[0]), atol=1e-6
    )
