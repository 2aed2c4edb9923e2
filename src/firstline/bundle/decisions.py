"""Decides what happens to a message: it is routed, a person looks at it, or it is none of the classes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.answer_record import KIND, AnswerRecord
from firstline.bundle.files import part_files
from firstline.bundle.manifest import Manifest
from firstline.bundle.novelty import LIMIT, NoveltyDetector
from firstline.bundle.promise import DEFAULT, Promise
from firstline.bundle.thresholds import Thresholds, for_precision, for_review
from firstline.errors import BundleVersionUnknown
from firstline.types import Decision, Label, Reason


@dataclass(frozen=True)
class HeldOutDecisions:
    """What the thresholds decide about held-out messages; repeated answers to a message count as one."""

    n_messages: float
    routed: float
    right: float
    unknown: float


class Decider:
    """Thresholds for one model and one promise.

    `labels` are the model's, in its order. Of `always_review`, names of classes that always go to people, and `none`,
    names that have come to mean none of the classes since the training, those that the model does not know change
    nothing. Without a record everything goes to people.
    """

    def __init__(
        self,
        record: AnswerRecord | None,
        labels: Sequence[Label],
        promise: Promise = DEFAULT,
        always_review: Collection[Label] = (),
        none: Collection[Label] = (),
    ) -> None:
        self.record = record
        self.labels = tuple(labels)
        self.promise = promise
        self.always_review = frozenset(always_review)
        self.none = frozenset(none)
        self._reviewed = [label in self.always_review for label in self.labels]
        self._are_none = [label in self.none for label in self.labels]
        self.thresholds = self._thresholds()
        self._by_class: list[float] = self.thresholds.by_class.tolist()
        self._low: Reason = "promise_out_of_reach" if self.routes_nothing else "low_confidence"

    def decide(
        self,
        predicted: int,
        confidence: float,
        novelty: float | None = None,
        reason_unknown: Reason | None = None,
    ) -> tuple[Decision, Reason]:
        """What to do with one message, and why. `predicted` indexes the labels; `novelty` is 0 to 1, or not known.

        `reason_unknown` says that the message is known to be of none of the classes, whatever its novelty.
        """
        if reason_unknown is not None:
            return "unknown", reason_unknown
        if novelty is not None and novelty > LIMIT:
            return "unknown", "unfamiliar"
        if self._are_none[predicted]:
            return "unknown", "none_of_these"
        if self._reviewed[predicted]:
            return "review", "always_review"
        if self.record is None:
            return "review", "no_thresholds"
        if confidence >= self._by_class[predicted]:
            return "route", "confident"
        return "review", self._low

    def with_promise(self, promise: Promise) -> "Decider":
        """The same for another promise."""
        return Decider(self.record, self.labels, promise, self.always_review, self.none)

    @cached_property
    def held_out(self) -> HeldOutDecisions:
        """What is decided about the messages of the record."""
        record = self.record
        if record is None:
            return HeldOutDecisions(0.0, 0.0, 0.0, 0.0)
        is_routed = self.may_route(record) & self.thresholds.routes(record)
        counts = (is_routed.sum(), record.right[is_routed].sum(), self.is_unknown(record).sum())
        routed, right, unknown = (float(count) / record.n_repeats for count in counts)
        return HeldOutDecisions(record.n_messages, routed, right, unknown)

    @property
    def own_thresholds(self) -> dict[Label, float]:
        """The thresholds of the classes that have one of their own."""
        return {self.labels[place]: self._by_class[place] for place in self.thresholds.own}

    def notes(self, model: str) -> tuple[str, ...]:
        """What people should know about the decisions of a model."""
        notes = [
            f"[decisions] always_review names '{name}', which is not a class of model {model}"
            for name in sorted(self.always_review.difference(self.labels, self.none))
        ]
        notes += [
            f"Model {model} was trained before '{name}' meant none of the classes, and may still answer it; such"
            " messages are unknown. Train it again: firstline train"
            for name in sorted(self.none.intersection(self.labels))
        ]
        if self.record is None:
            notes.append(
                f"Model {model} is older than decisions, so each of its answers goes to a person. Train it again:"
                " firstline train"
            )
        return tuple(notes)

    @property
    def routes_nothing(self) -> bool:
        """Whether held-out answers cannot back any routing."""
        return self.thresholds.is_out_of_reach and self.promise.precision is not None

    def _thresholds(self) -> Thresholds:
        record, n_labels = self.record, len(self.labels)
        if record is None:
            return Thresholds(np.full(n_labels, np.inf), np.inf)
        may_route = self.may_route(record)
        if self.promise.precision is not None:
            return for_precision(record, may_route, self.promise.precision, n_labels)
        stays = int((~may_route & ~self.is_unknown(record)).sum())
        return for_review(record, may_route, stays, self.promise.review or 0.0, n_labels)

    def is_unknown(self, record: AnswerRecord) -> NDArray[np.bool_]:
        """Answers to messages that are unknown, (n,)."""
        return np.asarray((record.novelty > LIMIT) | np.array(self._are_none, np.bool_)[record.predicted])

    def may_route(self, record: AnswerRecord) -> NDArray[np.bool_]:
        """Answers that only their confidence can keep from being routed."""
        return ~self.is_unknown(record) & ~np.array(self._reviewed, np.bool_)[record.predicted]


def load_record(folder: Path, manifest: Manifest) -> AnswerRecord | None:
    """The held-out answers alone; raises what `load_decisions` raises."""
    return load_decisions(folder, manifest)[0]


def load_decisions(folder: Path, manifest: Manifest) -> tuple[AnswerRecord | None, NoveltyDetector | None]:
    """What decisions of the bundle in `folder` rest on; None, None if it is older than decisions.

    Raises `BundleDamaged` or `BundleVersionUnknown`.
    """
    part = manifest.decisions
    if part is None:
        return None, None
    if part.kind != KIND:
        raise BundleVersionUnknown(
            f"Model {manifest.id} decides by '{part.kind}'; this Firstline knows '{KIND}'.",
            "Use the version that trained the model, or train it again.",
        )
    files = part_files(folder, part)
    n_labels = len(manifest.labels)
    record = AnswerRecord.load(files, n_labels)
    detector = NoveltyDetector.load(files, n_labels, manifest.none) if NoveltyDetector.is_in(files) else None
    files.check_rest()
    return record, detector
