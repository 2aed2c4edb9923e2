"""Cross-validates a candidate, trains it on everything, and decides about other messages as a bundle would."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.decisions import Decider
from firstline.bundle.promise import DEFAULT, Promise
from firstline.evaluation.calibration import Calibrator, cross_fit
from firstline.evaluation.decision_basis import DecisionBasis
from firstline.evaluation.novelty import OutOfFoldAnswers
from firstline.settings.model import EncoderSettings
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.text.masks import Masker
from firstline.text.rules import TextRules
from firstline.training.candidates import find_candidate
from firstline.training.candidates.base import Context, Fitted, Learner
from firstline.training.candidates.class_names import prepare_for
from firstline.training.folds import Folds
from firstline.types import Decision, Label, Message


class Asked(NamedTuple):
    """Messages with their labels."""

    messages: list[Message]
    labels: list[Label]

    def those(self, places: Sequence[int]) -> "Asked":
        """Those at the given places."""
        return Asked([self.messages[place] for place in places], [self.labels[place] for place in places])


@dataclass(frozen=True)
class Answers:
    """Calibrated answers to n messages: `probabilities`, (n, n_labels), and `novelty`, (n,)."""

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]


@dataclass(frozen=True)
class Trained:
    """A candidate trained on all messages, and what its decisions rest on."""

    names: list[Label]
    fitted: Fitted
    calibrator: Calibrator
    basis: DecisionBasis

    def answers(self, messages: Sequence[Message]) -> Answers:
        """The answers to messages."""
        mixed = self.fitted.predict_proba(messages)
        return Answers(self.calibrator(mixed), self.basis.novelty.detector(mixed))

    def decisions(self, answers: Answers, promise: Promise = DEFAULT) -> tuple[Decider, list[Decision]]:
        """What is decided about answers, and by whom."""
        decider = Decider(self.basis.record, self.names, promise)
        places, confidence = answers.probabilities.argmax(axis=1).tolist(), answers.probabilities.max(axis=1).tolist()
        rows = zip(places, confidence, answers.novelty.tolist(), strict=True)
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
    if none:
        raise NotImplementedError
    everything = Labelled(data.messages, data.labels, [], 0)
    folds = Folds(everything, n_folds, 1, seed)
    make: Callable[[], Learner] = run_to_end(prepare_for(find_candidate(candidate), context, everything))
    found = np.zeros((len(data.labels), len(folds.names)), np.float32)
    learned = np.zeros(len(data.labels), np.bool_)
    for fold in folds.train_all(make):
        found[fold.held_out] = fold.probabilities
        learned[fold.held_out] = fold.learned[folds.truth[fold.held_out]]
    calibrated, calibrator = cross_fit(found, folds.truth, learned, folds.numbers)
    basis = DecisionBasis.of(OutOfFoldAnswers(found[None], folds.truth, folds.numbers), calibrated[None])
    return Trained(folds.names, make().fit(data.messages, data.labels, []), calibrator, basis)


def read(file: Path) -> Asked:
    """The messages of a CSV file with the columns text and label, masked."""
    mask = Masker(())
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = [(Message(mask(row["text"])), row.get("label") or "") for row in csv.DictReader(opened)]
    return Asked(*map(list, zip(*((message, label) for message, label in rows if message.text), strict=True)))
