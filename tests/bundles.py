"""A small bundle made by hand, without training."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from firstline.bundle.answer_record import AnswerRecord
from firstline.bundle.files import read_manifest, write_bundle
from firstline.bundle.manifest import FILE_NAME, Calibration, Manifest, MaskPatterns, Measured, Metrics, Training
from firstline.bundle.parts.linear import TfidfLinear
from firstline.bundle.parts.tfidf import NgramBlock, Tfidf
from firstline.bundle.predictor import Predictor
from firstline.text.emails import EMAILS_VERSION
from firstline.text.masks import MASKS_VERSION
from firstline.text.rules import TextRules

LABELS = ("Банкомат", "Карта", "Перевод")
_WORDS = ["xxmask_phone", "xxseg_customer", "xxseg_lead", "банкомат", "карта", "перевод"]
_CLASS_OF_WORD = {"банкомат": 0, "карта": 1, "перевод": 2, "xxmask_phone": 2, "xxseg_lead": 1}


def hand_made_part(strength: float = 4.0) -> TfidfLinear:
    """A model that knows six words, each of which speaks for one class."""
    weights = np.zeros((len(_WORDS), len(LABELS)), np.float32)
    for place, word in enumerate(_WORDS):
        if word in _CLASS_OF_WORD:
            weights[place, _CLASS_OF_WORD[word]] = strength
    tfidf = Tfidf([NgramBlock("word", 1, 1)], [_WORDS], np.ones(len(_WORDS), np.float32))
    return TfidfLinear(tfidf, weights, np.zeros(len(LABELS), np.float32))


def manifest(
    candidate: str = "linear.v1",
    created_at: str = "2026-01-01T10:00:00.000+00:00",
    temperature: float = 1.0,
    patterns: Sequence[tuple[str, str]] = (),
) -> Manifest:
    """A manifest without id and parts, as training drafts it."""
    interval = (0.8, 0.95)
    return Manifest(
        id="",
        candidate=candidate,
        language="ru",
        labels=LABELS,
        segments=("customer", "lead"),
        text_rules=TextRules.of_language("ru").names,
        masks=MaskPatterns(MASKS_VERSION, tuple(patterns)),
        parts=(),
        calibration=Calibration(temperature),
        metrics=Metrics(
            method="by hand",
            n_messages=3,
            accuracy=0.9,
            macro_f1=0.9,
            macro_precision=0.9,
            intervals={"accuracy": interval, "macro_f1": interval, "macro_precision": interval},
            per_class={},
            calibration_error=0.05,
            calibration_error_before=0.1,
        ),
        emails=EMAILS_VERSION,
        training=Training(3, 0, "0" * 64, 5, 0, {}, {}, {}),
        measured=Measured(created_at),
    )


def hand_made_record(n_right: int = 60, n_wrong: int = 2, confidence: float = 0.7) -> AnswerRecord:
    """Held-out answers, most of them right, all of them this confident; no class has a threshold of its own."""
    right = np.array([False] * n_wrong + [True] * n_right)
    n = len(right)
    return AnswerRecord(
        np.full(n, confidence, np.float32),
        np.arange(n) % len(LABELS),
        right,
        np.zeros(n, np.float32),
        np.zeros(n, bool),
    )


RECORD = hand_made_record()


def make_bundle(
    models: Path,
    strength: float = 4.0,
    draft: Manifest | None = None,
    record: AnswerRecord | None = RECORD,
    checks_itself: bool = False,
) -> Manifest:
    """Write the hand-made model into the folder `models`.

    Without a `record` it is one from before decisions, and unless it `checks_itself`, one from before self-checks.
    """

    def export(folder: Path) -> str:
        part = hand_made_part(strength)
        part.save(folder)
        return part.kind

    decisions, self_check = record.export if record else None, Predictor.self_check_of if checks_itself else None
    return write_bundle(models, draft or manifest(), export, decisions=decisions, self_check=self_check)


def rewrite(models: Path, model: str, **changes: object) -> Path:
    """Change what the manifest of a bundle says, of what is not part of its identity; returns the bundle's folder."""
    folder = models / model
    changed = msgspec.structs.replace(read_manifest(folder), **changes)
    (folder / FILE_NAME).write_bytes(msgspec.json.encode(changed))
    return folder
