import numpy as np

from firstline.bundle.manifest import Calibration
from firstline.evaluation.calibration import Calibrator
from firstline.evaluation.outsiders import record_of

CALIBRATOR = Calibrator(Calibration(0.5), None)


def test_without_outsiders_the_record_is_that_of_the_classes() -> None:
    record = record_of(np.array([[[0.9, 0.1]]], np.float32), np.array([0]), None, CALIBRATOR)
    assert (record.n_messages, record.is_none.tolist(), record.right.tolist()) == (1, [False], [True])


def test_the_answer_to_an_outsider_is_wrong_whatever_it_is() -> None:
    outsiders = np.array([[[0.4, 0.1, 0.5], [0.05, 0.05, 0.9]]], np.float32)
    record = record_of(np.array([[[0.9, 0.1]]], np.float32), np.array([0]), outsiders, CALIBRATOR)
    assert record.n_messages == 3
    assert record.is_none.sum() == 2
    assert not record.right[record.is_none].any()
    assert record.right[~record.is_none].all()


def test_outsiders_are_calibrated_like_the_others() -> None:
    outsiders = np.array([[[0.4, 0.1, 0.5]]], np.float32)
    record = record_of(np.array([[[0.9, 0.1]]], np.float32), np.array([0]), outsiders, CALIBRATOR)
    # .8 and .2 to the power of 2, made to sum to 1.
    np.testing.assert_allclose(record.confidence[record.is_none], [0.64 / 0.68], atol=1e-6)


def test_each_repeat_has_answers_to_all() -> None:
    calibrated = np.tile(np.array([0.9, 0.1], np.float32), (2, 3, 1))
    outsiders = np.tile(np.array([0.2, 0.2, 0.6], np.float32), (2, 4, 1))
    record = record_of(calibrated, np.zeros(3, np.int64), outsiders, CALIBRATOR)
    assert (record.n_messages, record.n_repeats, record.is_none.sum()) == (7, 2, 8)
