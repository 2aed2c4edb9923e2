"""What a model answers out of fold to messages that people labelled as none of the classes."""

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.outsiders import without_none
from firstline.evaluation.calibration import Calibrator


def record_of(
    calibrated: NDArray[np.float32],
    truth: NDArray[np.int64],
    outsiders: NDArray[np.float32] | None,
    calibrator: Calibrator,
) -> AnswerRecord:
    """The record of out-of-fold answers, with those to outsiders, so that routing one of them counts as wrong.

    `calibrated` is (n_repeats, n_messages, n_labels), and `truth`, (n_messages,), indexes labels. `outsiders` are
    uncalibrated, (n_repeats, n_none, n_labels + 1), the last column none of the classes; None if none are learned.
    The calibrator was fitted on other messages than these.
    """
    if outsiders is None:
        return AnswerRecord.of(calibrated, truth)
    answers = np.stack([calibrator(repeat) for repeat in without_none(outsiders)[0]])
    is_none = np.arange(len(truth) + outsiders.shape[1]) >= len(truth)
    # Their truth is no class; whatever stands here, they are never right.
    places = np.concatenate([truth, np.zeros(outsiders.shape[1], np.int64)])
    return AnswerRecord.of(np.concatenate([calibrated, answers], axis=1), places, is_none=is_none)
