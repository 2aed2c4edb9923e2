"""Cross-validates a candidate, trains it on everything, and decides about other messages as a bundle would."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.decisions import Decider
from firstline.bundle.outsiders import is_none_likeliest, without_none
from firstline.bundle.promise import DEFAULT, Promise
from firstline.evaluation.calibration import Calibrator, cross_fit
from firstline.evaluation.decision_basis import DecisionBasis
from firstline.evaluation.out_of_fold import OutOfFold, widened
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.masks import Masker
from firstline.text.rules import TextRules
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context, Fitted, Learner
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Folds
from firstline.types import Decision, Label, Message, Reason


class Asked(NamedTuple):
    """Messages with their labels."""

    messages: list[Message]
    labels: list[Label]

    def those(self, places: Sequence[int]) -> "Asked":
        """Those at the given places."""
        return Asked([self.messages[place] for place in places], [self.labels[place] for place in places])


@dataclass(frozen=True)
class Answers:
    """Calibrated answers to n messages: `probabilities`, (n, n_labels), and `novelty`, (n,).

    `is_none`, (n,), tells for which of them none of the classes is likeliest.
    """

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]
    is_none: NDArray[np.bool_]


@dataclass(frozen=True)
class Trained:
    """A candidate trained on all messages, and what its decisions rest on."""

    names: list[Label]
    fitted: Fitted
    calibrator: Calibrator
    basis: DecisionBasis
    has_none: bool

    def answers(self, messages: Sequence[Message]) -> Answers:
        """The answers to messages."""
        mixed = self.fitted.predict_proba(messages)
        if not self.has_none:
            return Answers(self.calibrator(mixed), self.basis.novelty.detector(mixed), np.zeros(len(mixed), np.bool_))
        team, none = without_none(mixed)
        return Answers(self.calibrator(team), self.basis.novelty.detector(team, none), is_none_likeliest(team, none))

    def decisions(self, answers: Answers, promise: Promise = DEFAULT) -> tuple[Decider, list[Decision]]:
        """What is decided about answers, and by whom."""
        decider = Decider(self.basis.record, self.names, promise)
        places, confidence = answers.probabilities.argmax(axis=1).tolist(), answers.probabilities.max(axis=1).tolist()
        reasons: list[Reason | None] = ["none_of_these" if is_none else None for is_none in answers.is_none.tolist()]
        rows = zip(places, confidence, answers.novelty.tolist(), reasons, strict=True)
        return decider, [decider.decide(*row)[0] for row in rows]


def context_of(language: str, encoder: str, kept: Path | None) -> Context:
    """The context of a workspace in a language; `kept` keeps sentence vectors."""
    return Context(
        TextRules.of_language(language), language=language, encoder=EncoderSettings(name=encoder), folder=kept
    )


def trained(
    data: Asked, candidate: str, context: Context, n_folds: int, seed: int, none: Sequence[Message] = ()
) -> Trained:
    """Cross-validate a candidate on `data`, and on `none` as messages of none of the classes; train it on all."""
    everything = Labelled(data.messages, data.labels, [], 0, list(none))
    folds = Folds(everything, n_folds, 1, seed)
    make: Callable[[], Learner] = run_to_end(prepare_for(find_candidate(candidate), context, everything))
    found = np.zeros((1, len(folds.truth) + len(everything.taught), len(folds.columns)), np.float32)
    learned = np.zeros((1, len(folds.truth)), np.bool_)
    for fold in folds.train_all(make):
        places = folds.wide_splits[0][fold.number - 1][1]
        found[0, places] = widened(fold.probabilities, fold.none, fold.outsiders)
        learned[0, fold.held_out] = fold.learned[folds.truth[fold.held_out]]
    answers = OutOfFold.of_wide(found, learned, 0.0, taught=bool(everything.taught))
    calibrated, calibrator = cross_fit(answers.probabilities[0], folds.truth, learned[0], folds.numbers)
    basis = DecisionBasis.of(answers, folds.truth, folds.numbers, calibrated[None], calibrator)
    return Trained(folds.names, make().fit(*everything.learned, []), calibrator, basis, bool(everything.taught))


def read(file: Path) -> Asked:
    """The messages of a CSV file with the columns text and label, masked."""
    mask = Masker(())
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = [(Message(mask(row["text"])), row.get("label") or "") for row in csv.DictReader(opened)]
    return Asked(*map(list, zip(*((message, label) for message, label in rows if message.text), strict=True)))
