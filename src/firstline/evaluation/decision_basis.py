"""What the decisions of a model rest on, made from its out-of-fold answers: a bundle stores it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.outsiders import is_none_likeliest, without_none
from firstline.evaluation.calibration import Calibrator
from firstline.evaluation.novelty import FittedNovelty, fit_novelty
from firstline.evaluation.out_of_fold import OutOfFold


@dataclass(frozen=True)
class DecisionBasis:
    """Held-out answers, and the detector of unknown messages that was fitted on them."""

    record: AnswerRecord
    novelty: FittedNovelty

    @classmethod
    def of(
        cls,
        answers: OutOfFold,
        truth: NDArray[np.int64],
        folds: NDArray[np.int64],
        calibrated: NDArray[np.float32],
        calibrator: Calibrator,
    ) -> "DecisionBasis":
        """From out-of-fold answers before and after calibration; `calibrated`, (n_repeats, n_messages, n_labels).

        `truth` and `folds` as in `fit_novelty`. The answers to messages of none of the classes are calibrated by
        `calibrator`, which was fitted on others. Routing one of them counts as wrong. What is unknown because none of
        the classes is likeliest has novelty 1.
        """
        novelty = fit_novelty(answers, truth, folds)
        if answers.none is None or answers.outsiders is None:
            return cls(AnswerRecord.of(calibrated, truth, novelty.held_out), novelty)
        outsiders, outsiders_none = without_none(answers.outsiders)
        n_messages, n_outside = calibrated.shape[1], outsiders.shape[1]
        strange = np.concatenate([novelty.held_out, novelty.outsiders], axis=1)
        none = np.concatenate([answers.none, outsiders_none], axis=1)
        team = np.concatenate([answers.probabilities, outsiders], axis=1)
        record = AnswerRecord.of(
            np.concatenate([calibrated, np.stack([calibrator(repeat) for repeat in outsiders])], axis=1),
            # They have no class; whatever stands here, no answer to them is right.
            np.append(truth, np.zeros(n_outside, np.int64)),
            np.where(is_none_likeliest(team, none), np.float32(1), strange),
            np.arange(n_messages + n_outside) >= n_messages,
        )
        return cls(record, novelty)

    def export(self, folder: Path) -> str:
        """Write both into `folder`; returns their kind."""
        self.novelty.detector.save(folder)
        return self.record.export(folder)
