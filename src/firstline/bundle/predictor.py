"""The predictor: the one that evaluates is the one that serves."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.files import check_files, read_manifest
from firstline.bundle.manifest import Calibration, Manifest
from firstline.bundle.parts import Scorer, load_part
from firstline.errors import BundleDamaged, BundleVersionUnknown
from firstline.text.masks import MASKS_VERSION, Masker
from firstline.text.readings import read
from firstline.text.rules import TextRules, nfc, white_space
from firstline.types import Message, Prediction, Ranked


class Predictor:
    """Answers for one bundle. Safe to use from several threads once loaded."""

    def __init__(self, manifest: Manifest, scorer: Scorer) -> None:
        if manifest.masks.version != MASKS_VERSION:
            raise BundleVersionUnknown(
                f"Model {manifest.id} masks by '{manifest.masks.version}'; this Firstline knows '{MASKS_VERSION}'.",
                "Use the version that trained the model, or train it again.",
            )
        self.manifest = manifest
        self._scorer = scorer
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
        if len(manifest.parts) != 1:
            raise BundleDamaged(
                f"{folder} has {len(manifest.parts)} parts, expected one.", "Train it again: firstline train"
            )
        return cls(manifest, load_part(manifest.parts[0].kind, folder, len(manifest.labels)))

    def knows_segment(self, segment: str) -> bool:
        """Whether training saw this segment; if not, it is ignored."""
        return segment in self._segments

    def read(self, raw_text: str, segment: str | None = None) -> Message:
        """A raw text as a message: masked, and its segment spelled, as at import."""
        return Message(self._mask(raw_text), white_space(nfc(segment or "")) or None)

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Calibrated probabilities, (n_messages, n_labels), in the order of the manifest's labels."""
        texts = [
            read(
                self._scorer.reads,
                self._rules,
                message.text,
                message.segment if message.segment in self._segments else None,
            )
            for message in messages
        ]
        if not texts:
            return np.empty((0, len(self.manifest.labels)), np.float32)
        return calibrate(self._scorer.predict_proba(texts), self.manifest.calibration)

    def predict(self, messages: Sequence[Message]) -> list[Prediction]:
        """A ranking of all classes for each message, most confident first; ties in the order of the labels."""
        labels = self.manifest.labels
        predictions = []
        for row in self.predict_proba(messages):
            order = np.argsort(-row, kind="stable")
            predictions.append(Prediction(tuple(Ranked(labels[place], float(row[place])) for place in order)))
        return predictions


def calibrate(probabilities: NDArray[np.float32], calibration: Calibration) -> NDArray[np.float32]:
    """Temperature scaling (Guo et al. 2017) of probabilities, (n, n_labels); the order stays."""
    logits = np.log(np.maximum(probabilities, 1e-9)) / calibration.temperature
    logits -= logits.max(axis=1, keepdims=True)
    scaled = np.exp(logits)
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float32)
