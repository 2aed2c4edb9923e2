"""What a training compares: one result for each candidate, or the reason why it was skipped."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firstline.evaluation.calibration import Calibrator, cross_fit
from firstline.evaluation.decision_basis import DecisionBasis
from firstline.evaluation.held_out import HeldOut, keys_of
from firstline.evaluation.metrics import Difference, Figures, differences, score_repeated
from firstline.evaluation.out_of_fold import OutOfFold
from firstline.evaluation.reliability import Reliability, calibration_error, reliability
from firstline.steps import Note, Stage, Step
from firstline.training.candidates.base import Learner
from firstline.training.folds import Folds
from firstline.training.mixture import Mixture
from firstline.training.runs import RunRow
from firstline.training.saved_folds import Cost

Make = Callable[[], Learner]


@dataclass(frozen=True)
class Result:
    """The figures of one candidate.

    `differences` are its figures minus those of the training's reference, by metric; `mixture` is what a blend is
    made of.
    """

    candidate: str
    figures: Figures
    calibrator: Calibrator
    reliability: Reliability
    calibration_error_before: float
    training_s: float
    latency_ms: Mapping[str, float]
    memory_bytes: int
    size_bytes: int
    differences: Mapping[str, Difference] | None = None
    mixture: Mixture | None = None

    def is_within(self, latency_ms: float | None) -> bool:
        """Whether single messages are answered within this limit at the 99th percentile; None: no limit."""
        return is_within(self.latency_ms, latency_ms)

    def rests_on(self, candidate: str) -> bool:
        """Whether this is the result of a candidate, or of a blend that contains it."""
        return self.candidate == candidate or bool(self.mixture and candidate in self.mixture.weights)

    def row(self, repeats: int) -> RunRow:
        """The row of `run.json`."""
        figures = self.figures
        return RunRow(
            candidate=self.candidate,
            accuracy=figures.accuracy,
            macro_f1=figures.macro_f1,
            macro_precision=figures.macro_precision,
            intervals=dict(figures.intervals),
            training_s=self.training_s,
            latency_ms=dict(self.latency_ms),
            memory_bytes=self.memory_bytes,
            size_bytes=self.size_bytes,
            weights=dict(self.mixture.weights) if self.mixture else {},
            dropped=tuple(self.mixture.dropped) if self.mixture else (),
            too_slow=tuple(self.mixture.too_slow) if self.mixture else (),
            repeats=repeats,
        )


@dataclass(frozen=True)
class Skipped:
    """A candidate without figures, and why: the `error` it failed with, or the seconds it needs but does not have."""

    candidate: str
    reason: str
    needed_s: float = 0.0
    error: Exception | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Evaluated:
    """A candidate that was cross-validated: its result, its out-of-fold answers, its cost, and how to train it.

    `calibrated`, (n_repeats, n_messages, n_labels), are the probabilities of its answers, calibrated on other messages.
    """

    result: Result
    answers: OutOfFold
    calibrated: NDArray[np.float32]
    cost: Cost
    make: Make

    @classmethod
    def of(
        cls, name: str, folds: Folds, answers: OutOfFold, cost: Cost, make: Make, mixture: Mixture | None = None
    ) -> "Evaluated":
        """Scores the answers, whose calibration is judged on messages that it was not fitted on."""
        truth = np.tile(folds.truth, folds.repeats)
        probabilities = np.concatenate(list(answers.probabilities))
        # A message stays with one fold in all repeats, so that its own label never calibrates it.
        calibrated, calibrator = cross_fit(
            probabilities, truth, answers.learned.reshape(-1), np.tile(folds.numbers, folds.repeats)
        )
        shape = answers.learned.shape
        right = calibrated.argmax(axis=1) == truth
        result = Result(
            candidate=name,
            figures=score_repeated(folds.data.labels, answers.labels(folds.names), folds.seed),
            calibrator=calibrator,
            reliability=reliability(calibrated.max(axis=1).reshape(shape), right.reshape(shape), folds.seed),
            calibration_error_before=calibration_error(probabilities, truth),
            training_s=round(answers.seconds, 2),
            latency_ms=cost.latency_ms,
            memory_bytes=cost.memory_bytes,
            size_bytes=cost.size_bytes,
            mixture=mixture,
        )
        return cls(result, answers, calibrated.reshape(answers.probabilities.shape), cost, make)

    @property
    def name(self) -> str:
        return self.result.candidate

    def basis(self, folds: Folds) -> DecisionBasis:
        """What the decisions of its model rest on."""
        return DecisionBasis.of(self.answers, folds.truth, folds.numbers, self.calibrated, self.result.calibrator)

    def held_out(self, model: str, folds: Folds, novelty: NDArray[np.float32]) -> HeldOut:
        """What its folds answered to messages that they had not learned; it was trained on all labels as `model`.

        `novelty`, (n_repeats, n_messages), is that of the answers.
        """
        means = self.calibrated.mean(axis=0, dtype=np.float32)
        strange = novelty.mean(axis=0, dtype=np.float32)
        return HeldOut(model, tuple(folds.names), keys_of(folds.data.messages), folds.truth, means, strange)

    def difference_to(self, other: "Evaluated", folds: Folds) -> Mapping[str, Difference]:
        """Its figures minus those of `other`, by metric, with intervals over the same messages."""
        mine, others = self.answers.labels(folds.names), other.answers.labels(folds.names)
        return differences(folds.data.labels, mine, others, folds.seed)


TrainEvent: TypeAlias = Note | Stage | Step | Result | Skipped


def is_within(latency_ms: Mapping[str, float], limit_ms: float | None) -> bool:
    """Whether the 99th percentile, in hundredths of a millisecond as the table shows it, is at most the limit."""
    return limit_ms is None or round(latency_ms["p99"], 2) <= limit_ms


def with_differences(evaluated: Sequence[Evaluated], reference: Evaluated, folds: Folds) -> list[Result]:
    """All results, each but the reference's with its differences to it."""
    return [
        one.result if one is reference else replace(one.result, differences=one.difference_to(reference, folds))
        for one in evaluated
    ]
