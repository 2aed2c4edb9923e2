"""The predictor: the one that evaluates is the one that serves."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import check_files, read_manifest
from firstline.bundle.manifest import Manifest
from firstline.bundle.parts import Scorer, load_part
from firstline.errors import BundleDamaged, BundleVersionUnknown
from firstline.text.emails import EMAILS_VERSION, own_words
from firstline.text.masks import MASKS_VERSION, OLDER_MASKS_VERSIONS, Masker
from firstline.text.readings import read
from firstline.text.rules import TextRules, nfc, white_space
from firstline.types import Message, Prediction, Ranked


@dataclass(frozen=True)
class WeightedPart:
    """A loaded part, and how much it counts beside the others."""

    scorer: Scorer
    weight: float = 1.0
    temperature: float = 1.0


class Predictor:
    """Answers for one bundle. Safe to use from several threads once loaded."""

    def __init__(self, manifest: Manifest, parts: Sequence[WeightedPart]) -> None:
        version = manifest.masks.version
        if version not in (MASKS_VERSION, *OLDER_MASKS_VERSIONS):
            raise BundleVersionUnknown(
                f"Model {manifest.id} masks by '{version}'; this Firstline knows '{MASKS_VERSION}' and older.",
                "Use the version that trained the model, or train it again.",
            )
        if manifest.emails not in ("", EMAILS_VERSION):
            raise BundleVersionUnknown(
                f"Model {manifest.id} cuts quoted replies by '{manifest.emails}'; this Firstline knows"
                f" '{EMAILS_VERSION}'.",
                "Use the version that trained the model, or train it again.",
            )
        self.manifest = manifest
        self.notes: tuple[str, ...] = ()
        """Sentences to show when the model is loaded."""
        if version != MASKS_VERSION:
            self.notes = (
                f"Model {manifest.id} was trained with older masks ({version}) and answers with today's"
                f" ({MASKS_VERSION}). Train it again: firstline train",
            )
        self._parts = parts
        self._rules = TextRules(manifest.text_rules)
        try:
            self._mask = Masker(manifest.masks.patterns)
            self._mask("")
        except (re.error, OverflowError, RecursionError) as error:
            raise BundleDamaged(
                f"Model {manifest.id} has a mask pattern that is none: {error}.", "Train it again."
            ) from None
        self._segments = frozenset(manifest.segments)

    @classmethod
    def load(cls, folder: Path) -> "Predictor":
        """The predictor of the bundle in `folder`, all its files checked.

        Raises `BundleMissing`, `BundleDamaged` or `BundleVersionUnknown`.
        """
        manifest = read_manifest(folder)
        check_files(folder, manifest)
        if not manifest.parts:
            raise BundleDamaged(f"{folder} has no part.", "Train it again: firstline train")
        n_labels = len(manifest.labels)
        parts = [
            WeightedPart(load_part(part.kind, folder / part.folder, n_labels), part.weight, part.temperature)
            for part in manifest.parts
        ]
        return cls(manifest, parts)

    def knows_segment(self, segment: str) -> bool:
        """Whether training saw this segment; if not, it is ignored."""
        return segment in self._segments

    @property
    def cuts_quotes(self) -> bool:
        """Whether the messages of its training had lost their quoted replies and signatures."""
        return bool(self.manifest.emails)

    def read(self, raw_text: str, segment: str | None = None) -> Message:
        """A raw text as a message: quoted replies cut, masked, and its segment spelled, as at import."""
        own = own_words(raw_text) if self.cuts_quotes else raw_text
        return Message(self._mask(own), white_space(nfc(segment or "")) or None)

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Calibrated probabilities, (n_messages, n_labels), in the order of the manifest's labels."""
        if not messages:
            return np.empty((0, len(self.manifest.labels)), np.float32)
        known = [(message.text, message.segment if message.segment in self._segments else None) for message in messages]
        said = []
        for part in self._parts:
            texts = [read(part.scorer.reads, self._rules, text, segment) for text, segment in known]
            said.append((calibrate(part.scorer.predict_proba(texts), part.temperature), part.weight))
        return calibrate(mean_of(said), self.manifest.calibration.temperature)

    def predict(self, messages: Sequence[Message]) -> list[Prediction]:
        """A ranking of all classes for each message, most confident first; ties in the order of the labels."""
        labels = self.manifest.labels
        predictions = []
        for row in self.predict_proba(messages):
            order = np.argsort(-row, kind="stable")
            predictions.append(Prediction(tuple(Ranked(labels[place], float(row[place])) for place in order)))
        return predictions


def mean_of(said: Sequence[tuple[NDArray[np.float32], float]]) -> NDArray[np.float32]:
    """The mean of probabilities, (n, n_labels) each, by their weights."""
    if len(said) == 1:
        return said[0][0]
    total = sum(weight for _, weight in said)
    mixed = sum(probabilities * np.float32(weight / total) for probabilities, weight in said)
    return np.asarray(mixed, np.float32)


def calibrate(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Temperature scaling (Guo et al. 2017) of probabilities, (n, n_labels); the order stays."""
    if temperature == 1:
        return probabilities
    logits = np.log(np.maximum(probabilities, 1e-9)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float32)
