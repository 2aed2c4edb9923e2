"""What the decisions of a model rest on, made from its out-of-fold answers: a bundle stores it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import AnswerRecord
from firstline.evaluation.novelty import FittedNovelty, OutOfFoldAnswers, fit_novelty


@dataclass(frozen=True)
class DecisionBasis:
    """Held-out answers, and the detector of unknown messages that was fitted on them."""

    record: AnswerRecord
    novelty: FittedNovelty

    @classmethod
    def of(cls, answers: OutOfFoldAnswers, calibrated: NDArray[np.float32]) -> "DecisionBasis":
        """From out-of-fold answers before and after calibration; `calibrated`, (n_repeats, n_messages, n_labels)."""
        novelty = fit_novelty(answers)
        return cls(AnswerRecord.of(calibrated, answers.truth, novelty.held_out), novelty)

    def export(self, folder: Path) -> str:
        """Write both into `folder`; returns their kind."""
        self.novelty.detector.save(folder)
        return self.record.export(folder)
