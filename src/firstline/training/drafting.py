"""What a manifest says of a training, and what decides about its figures."""

from datetime import UTC, datetime

import msgspec

from firstline.bundle.learning_curve import LearningCurve
from firstline.bundle.manifest import Calibration, Manifest, MaskPatterns, Measured, Metrics, Training
from firstline.errors import FirstlineError
from firstline.language_models.installed import installed_versions
from firstline.settings import Settings
from firstline.store.messages import Labelled
from firstline.text.emails import EMAILS_VERSION
from firstline.text.masks import MASKS_VERSION
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Candidate, Context
from firstline.training.comparison import Comparison, Row
from firstline.training.encoders import resolve
from firstline.training.provenance import LIBRARIES, code_digest, fingerprint, installed, key_of

_BESIDE_FIGURES = {"database", "columns", "serving", "training", "search", "candidates"}
"""What does not decide about figures, or only about those of one candidate, which the run keeps apart."""


def draft(name: str, fitted: Candidate, data: Labelled, settings: Settings) -> Manifest:
    """A manifest of a trained candidate without id, parts and figures."""
    patterns = tuple((item.kind, item.pattern) for item in settings.masking.patterns)
    return Manifest(
        id="",
        candidate=name,
        language=settings.language,
        labels=tuple(fitted.labels_),
        segments=tuple(sorted({message.segment for message in data.messages if message.segment})),
        text_rules=TextRules.of_language(settings.language).names,
        masks=MaskPatterns(MASKS_VERSION, patterns),
        emails=EMAILS_VERSION if settings.emails.cut_quotes else "",
        parts=(),
        calibration=Calibration(),
        metrics=None,
        training=None,
        measured=Measured(datetime.now(UTC).isoformat(timespec="milliseconds")),
    )


def manifest(
    row: Row,
    fitted: Candidate,
    settings: Settings,
    comparison: Comparison,
    refit_s: float,
    curve: LearningCurve | None,
) -> Manifest:
    """The manifest of the candidate that was trained on all labels, with the figures of its line; no id, no parts."""
    figures, data = row.figures, comparison.data
    begun = draft(row.candidate, fitted, data, settings)
    times = f", {comparison.repeats} times" if comparison.repeats > 1 else ""
    return msgspec.structs.replace(
        begun,
        calibration=row.calibration,
        metrics=Metrics(
            method=f"{comparison.folds}-fold cross-validation{times}, seed {comparison.seed}",
            n_messages=figures.n_messages,
            accuracy=figures.accuracy,
            macro_f1=figures.macro_f1,
            macro_precision=figures.macro_precision,
            intervals=dict(figures.intervals),
            per_class=dict(figures.per_class),
            calibration_error=row.calibration_error,
            calibration_error_before=row.calibration_error_before,
        ),
        training=Training(
            n_messages=len(data.messages),
            n_unlabelled=len(data.unlabelled),
            data_fingerprint=fingerprint(data.messages, data.labels, data.unlabelled),
            folds=comparison.folds,
            seed=comparison.seed,
            candidate_settings=fitted.describe(),
            settings=settings.model_dump(mode="json", exclude={"database"}),
            libraries=installed(LIBRARIES),
        ),
        learning_curve=curve,
        measured=Measured(
            begun.measured.created_at, row.training_s, round(refit_s, 2), dict(row.latency_ms), row.memory_bytes
        ),
    )


def key(data: Labelled, settings: Settings, folds: int, seed: int) -> str:
    """Of all that decides about the figures of a run: data, settings, seed, code, versions installed.

    What decides about those of one candidate alone is in its `origin`.
    """
    return key_of(
        {
            "data": fingerprint(data.messages, data.labels, data.unlabelled),
            "folds": folds,
            "seed": seed,
            "settings": settings.model_dump(mode="json", exclude=_BESIDE_FIGURES),
            "libraries": installed(),
            "languages": installed_versions(),
            "code": code_digest(),
        }
    )


def origin(kind: type[Candidate], context: Context) -> str:
    """A hash of what a candidate starts from: what the workspace keeps for it, and encoders; empty for nothing."""
    parts = {"kept": kind.starts_from(context), "encoders": encoders_of(kind, context)}
    return key_of(parts) if any(parts.values()) else ""


def encoders_of(kind: type[Candidate], context: Context) -> list[str]:
    """Of each encoder that a candidate reads with, what its weights are known by."""
    return [_encoder_id(name, context) for name in kind.encoders(context)]


def _encoder_id(name: str, context: Context) -> str:
    """Of the encoder's weights; empty where there is none, or it cannot be used."""
    try:
        encoder = resolve(name, context.workspace, context.encoders)
        return encoder.id if encoder else ""
    except FirstlineError:
        return ""
