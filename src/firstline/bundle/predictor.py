"""The predictor. The same one evaluates and serves."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.confidence import calibrate, with_confidence
from firstline.bundle.decisions import Decider, load_decisions
from firstline.bundle.files import part_files, read_manifest
from firstline.bundle.manifest import Manifest, SelfCheck
from firstline.bundle.novelty import NoveltyDetector, log_odds
from firstline.bundle.outsiders import is_none_likeliest, with_none, without_none
from firstline.bundle.parts import Scorer, load_part
from firstline.bundle.parts.tfidf import Tfidf
from firstline.bundle.promise import DEFAULT, Promise
from firstline.bundle.self_check import check_itself, self_check_of
from firstline.errors import BundleDamaged, BundleVersionUnknown, ScoresNotFinite
from firstline.patterns import PatternRefused
from firstline.text.emails import EMAILS_VERSION, own_words
from firstline.text.masks import MASKS_VERSION, OLDER_MASKS_VERSIONS, Masker
from firstline.text.ngrams import words_of
from firstline.text.readings import as_written
from firstline.text.rules import TextRules, between_segments, nfc, white_space
from firstline.types import Label, Message, Prediction, Ranked, Reason

_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class WeightedPart:
    """A loaded part with its weight and temperature."""

    scorer: Scorer
    weight: float = 1.0
    temperature: float = 1.0


class Predictor:
    """Classifies messages with one bundle. Thread-safe once loaded. Without a `decider` all go to people."""

    def __init__(
        self,
        manifest: Manifest,
        parts: Sequence[WeightedPart],
        decider: Decider | None = None,
        detector: NoveltyDetector | None = None,
    ) -> None:
        version = manifest.masks.version
        if version not in (MASKS_VERSION, *OLDER_MASKS_VERSIONS):
            raise BundleVersionUnknown(
                f"Model {manifest.id} uses the masks '{version}'; this Firstline knows '{MASKS_VERSION}' and older.",
                "Use the version that trained the model, or train it again.",
            )
        if manifest.emails not in ("", EMAILS_VERSION):
            raise BundleVersionUnknown(
                f"Model {manifest.id} cuts quoted replies with the rules '{manifest.emails}'; this Firstline knows"
                f" '{EMAILS_VERSION}'.",
                "Use the version that trained the model, or train it again.",
            )
        self.manifest = manifest
        self.decider = decider or Decider(None, manifest.labels)
        self._detector = detector
        self.notes: tuple[str, ...] = self.decider.notes(manifest.id)
        """Sentences to show when the model is loaded."""
        if version != MASKS_VERSION:
            self.notes += (
                f"Model {manifest.id} was trained with older masks ({version}) but is used with today's"
                f" ({MASKS_VERSION}). Train it again: firstline train",
            )
        self._parts = parts
        self._vocabularies: list[Tfidf | None] = [getattr(part.scorer, "tfidf", None) for part in parts]
        self._rules = TextRules(manifest.text_rules)
        try:
            self._mask = Masker(manifest.masks.patterns)
            self._mask("")
        except PatternRefused as error:
            raise BundleVersionUnknown(
                f"Model {manifest.id} has a mask pattern that {error}. Such a pattern can hang the service, so this"
                " Firstline does not run it.",
                "Change masking.patterns in firstline.toml and train again, or use the version that trained the model.",
            ) from None
        except (re.error, OverflowError, RecursionError) as error:
            raise BundleDamaged(
                f"Model {manifest.id} contains an invalid mask pattern: {error}.",
                "Train it again: firstline train",
            ) from None
        self._segments = frozenset(manifest.segments)

    @classmethod
    def load(
        cls,
        folder: Path,
        promise: Promise = DEFAULT,
        always_review: Collection[Label] = (),
        none: Collection[Label] = (),
    ) -> "Predictor":
        """Load the bundle in `folder`, check all its files, and that it answers as it did when it was trained.

        `promise`, `always_review` and `none` as in `Decider`. Each file is read into memory once: what happens to it
        later changes no answer. Raises `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`.
        """
        predictor = cls._of(folder, read_manifest(folder), promise, always_review, none)
        predictor.notes += check_itself(predictor)
        return predictor

    @classmethod
    def self_check_of(cls, folder: Path, manifest: Manifest) -> SelfCheck:
        """What a new bundle answers to the sentences of the self-check. Its manifest need not be written yet.

        Raises what `load` raises.
        """
        return self_check_of(cls._of(folder, manifest))

    @classmethod
    def _of(
        cls,
        folder: Path,
        manifest: Manifest,
        promise: Promise = DEFAULT,
        always_review: Collection[Label] = (),
        none: Collection[Label] = (),
    ) -> "Predictor":
        if not manifest.parts or not manifest.labels:
            what = "part" if not manifest.parts else "label"
            raise BundleDamaged(f"{folder} has no {what}.", "Train it again: firstline train")
        parts = []
        for part in manifest.parts:
            files = part_files(folder, part)
            scorer = load_part(part.kind, files, len(manifest.labels) + manifest.none)
            files.check_rest()
            parts.append(WeightedPart(scorer, part.weight, part.temperature))
        record, detector = load_decisions(folder, manifest)
        return cls(manifest, parts, Decider(record, manifest.labels, promise, always_review, none), detector)

    @property
    def parts(self) -> Sequence[WeightedPart]:
        """What its probabilities are mixed of."""
        return self._parts

    @property
    def rules(self) -> TextRules:
        """How its ruled parts read a text."""
        return self._rules

    def knows_segment(self, segment: str) -> bool:
        """Whether training saw this segment. An unknown segment is ignored."""
        return segment in self._segments

    @property
    def cuts_quotes(self) -> bool:
        """Whether quoted replies and signatures were cut from the training messages."""
        return bool(self.manifest.emails)

    def read(self, raw_text: str, segment: str | None = None) -> Message:
        """Turn a raw text into a message as import does: cut quoted replies, mask, normalise the segment."""
        own = own_words(raw_text) if self.cuts_quotes else raw_text
        return Message(self._mask(own), white_space(nfc(segment or "")) or None)

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Calibrated probabilities, (n_messages, n_labels), in the order of the manifest's labels.

        Raises `ScoresNotFinite` if a part gives something else for one of the messages.
        """
        return self._calibrated(self._mixed(messages)[0])

    def predict_with_none(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """The same, and if the model has learned none of the classes, its probability as the last column.

        Rows sum to 1: the probability of a class is that it is this one and not none of them.
        """
        mixed, none = self._mixed(messages)
        return self._calibrated(mixed) if none is None else with_none(self._calibrated(mixed), none)

    def _calibrated(self, mixed: NDArray[np.float32]) -> NDArray[np.float32]:
        return with_confidence(calibrate(mixed, self.manifest.calibration.temperature), self.manifest.confidence)

    def _ruled(self, messages: Sequence[Message]) -> list[str]:
        """The ruled texts of messages, without segments."""
        return [self._rules.beginning(message.text) for message in messages]

    def _mixed(
        self, messages: Sequence[Message], ruled: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """What the parts say together: probabilities of the labels before calibration, (n_messages, n_labels), and
        the probability of none of the classes, (n_messages,); None if no such messages were learned.

        `ruled` are the ruled texts of the messages, if the caller has them. Raises `ScoresNotFinite`.
        """
        n_columns = len(self.manifest.labels) + self.manifest.none
        if not messages:
            empty = np.empty((0, n_columns), np.float32)
            return without_none(empty) if self.manifest.none else (empty, None)
        ruled = self._ruled(messages) if ruled is None else ruled
        segments = [message.segment if message.segment in self._segments else None for message in messages]
        said = []
        for part in self._parts:
            texts = (
                [between_segments(text, segment) for text, segment in zip(ruled, segments, strict=True)]
                if part.scorer.reads == "ruled"
                else [as_written(message.text, segment) for message, segment in zip(messages, segments, strict=True)]
            )
            # What overflows is found in the result.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                scores = part.scorer.predict_proba(texts)
            self._check(scores, (len(texts), n_columns))
            said.append((calibrate(scores, part.temperature), part.weight))
        mixed = mean_of(said)
        return without_none(mixed) if self.manifest.none else (mixed, None)

    def vectors(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Unit vectors, (n_messages, n_labels): near each other if the model answers alike.

        They are the log odds of the answers, whitened if the model tells unknown messages. Raises `ScoresNotFinite`.
        """
        mixed, _ = self._mixed(messages)
        odds = log_odds(mixed)
        if self._detector is not None:
            odds = odds @ self._detector.reference.whitening
        return np.asarray(odds / np.maximum(np.linalg.norm(odds, axis=1, keepdims=True), 1e-9), np.float32)

    def _check(self, scores: NDArray[np.float32], shape: tuple[int, int]) -> None:
        """Raises `ScoresNotFinite` for rows that are not probabilities; comparisons with NaN are false."""
        if scores.shape != shape or not (scores.min() >= 0 and np.abs(scores.sum(axis=1) - 1).max() <= _SUM_TOLERANCE):
            raise ScoresNotFinite(
                f"Model {self.manifest.id} gives scores that are not probabilities.",
                "Serve another model, or train this one again: firstline train",
            )

    def predict(self, messages: Sequence[Message]) -> list[Prediction]:
        """Rank all classes for each message, most likely first, and decide. Ties keep the order of the labels."""
        labels = self.manifest.labels
        ruled = self._ruled(messages)
        mixed, none = self._mixed(messages, ruled)
        # They decide about the order: confidence may make two classes the same.
        scores = calibrate(mixed, self.manifest.calibration.temperature)
        probabilities = with_confidence(scores, self.manifest.confidence)
        novelty = self._novelty(mixed, none)
        outside = np.zeros(len(mixed), np.bool_) if none is None else is_none_likeliest(mixed, none)
        predictions = []
        # Plain lists: reading an array value by value takes longer than the model does.
        orders, rows = np.argsort(-scores, axis=1, kind="stable").tolist(), probabilities.tolist()
        for place, (order, row) in enumerate(zip(orders, rows, strict=True)):
            strange = None if novelty is None else float(novelty[place])
            unknown = self._reason_unknown(ruled[place], bool(outside[place]))
            decided = self.decider.decide(order[0], row[order[0]], strange, unknown)
            ranking = tuple(map(Ranked, [labels[label] for label in order], [row[label] for label in order]))
            predictions.append(Prediction(ranking, *decided, strange))
        return predictions

    def _novelty(self, mixed: NDArray[np.float32], none: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        """How unlike what was learned each answer is, (n_messages,), 0 to 1; None if the model cannot tell."""
        return None if self._detector is None or not len(mixed) else self._detector(mixed, none)

    def _reason_unknown(self, ruled: str, is_none: bool) -> Reason | None:
        """Why a message is of none of the classes whatever its novelty; None if nothing says so."""
        if not self._knows_a_word(ruled):
            return "no_known_words"
        return "none_of_these" if is_none else None

    def _knows_a_word(self, ruled: str) -> bool:
        """Whether a text has a word that training saw; for a part that has no list of words, any word is one."""
        return any(tfidf is None or tfidf.knows(word) for word in words_of(ruled) for tfidf in self._vocabularies)


def mean_of(scored: Sequence[tuple[NDArray[np.float32], float]]) -> NDArray[np.float32]:
    """The weighted mean of pairs (probabilities, weight); probabilities are (n, n_labels)."""
    if len(scored) == 1:
        return scored[0][0]
    total = sum(weight for _, weight in scored)
    mixed = sum(probabilities * np.float32(weight / total) for probabilities, weight in scored)
    return np.asarray(mixed, np.float32)
