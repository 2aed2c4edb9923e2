"""What the manifest of a bundle says about its training."""

from datetime import UTC, datetime

import msgspec

from firstline.bundle.learning_curve import LearningCurve
from firstline.bundle.manifest import Calibration, Manifest, MaskPatterns, Measured, Metrics, Training
from firstline.settings import Settings
from firstline.store.messages import Labelled
from firstline.text.emails import EMAILS_VERSION
from firstline.text.masks import MASKS_VERSION
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Fitted
from firstline.training.folds import Folds
from firstline.training.provenance import LIBRARIES, fingerprint, installed
from firstline.training.results import Result
from firstline.types import NONE


def draft(name: str, fitted: Fitted, data: Labelled, settings: Settings) -> Manifest:
    """A manifest of a trained candidate without id, parts and figures."""
    patterns = tuple((item.kind, item.pattern) for item in settings.masking.patterns)
    return Manifest(
        id="",
        candidate=name,
        language=settings.language,
        labels=tuple(label for label in fitted.labels_ if label != NONE),
        segments=tuple(sorted({message.segment for message in data.learned[0] if message.segment})),
        text_rules=TextRules.of_language(settings.language).names,
        masks=MaskPatterns(MASKS_VERSION, patterns),
        emails=EMAILS_VERSION if settings.emails.cut_quotes else "",
        parts=(),
        none=NONE in fitted.labels_,
        calibration=Calibration(),
        metrics=None,
        training=None,
        measured=Measured(datetime.now(UTC).isoformat(timespec="milliseconds")),
    )


def manifest(
    result: Result,
    fitted: Fitted,
    settings: Settings,
    folds: Folds,
    refit_s: float,
    curve: LearningCurve | None,
) -> Manifest:
    """The manifest of a candidate that was trained on all labels, with the figures of its result; no id, no parts."""
    figures, data = result.figures, folds.data
    begun = draft(result.candidate, fitted, data, settings)
    times = f", {folds.repeats} times" if folds.repeats > 1 else ""
    return msgspec.structs.replace(
        begun,
        calibration=result.calibrator.calibration,
        confidence=result.calibrator.confidence,
        metrics=Metrics(
            method=f"{folds.n_folds}-fold cross-validation{times}, seed {folds.seed}",
            n_messages=figures.n_messages,
            accuracy=figures.accuracy,
            macro_f1=figures.macro_f1,
            macro_precision=figures.macro_precision,
            intervals=dict(figures.intervals),
            per_class=dict(figures.per_class),
            calibration_error=result.reliability.calibration_error,
            calibration_error_before=result.calibration_error_before,
            calibration_error_interval=result.reliability.intervals["calibration_error"],
            brier=result.reliability.brier,
            brier_interval=result.reliability.intervals["brier"],
        ),
        training=Training(
            n_messages=len(data.messages),
            n_unlabelled=len(data.unlabelled),
            data_fingerprint=fingerprint(*data.learned, data.unlabelled),
            folds=folds.n_folds,
            seed=folds.seed,
            candidate_settings=fitted.describe(),
            settings=settings.model_dump(mode="json", exclude={"database"}),
            libraries=installed(LIBRARIES),
        ),
        learning_curve=curve,
        measured=Measured(
            begun.measured.created_at,
            result.training_s,
            round(refit_s, 2),
            dict(result.latency_ms),
            result.memory_bytes,
        ),
    )
