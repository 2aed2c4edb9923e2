"""`manifest.json` describes a bundle in full. It is written last: a folder without one is not a bundle."""

import hashlib
from typing import Any

import msgspec

from firstline.bundle.learning_curve import LearningCurve

FORMAT_VERSION = 1
FILE_NAME = "manifest.json"
_COLDEST, _HOTTEST = 0.01, 100.0
_STEEPEST = 100.0


def _check_temperature(temperature: float) -> None:
    if not _COLDEST <= temperature <= _HOTTEST:
        raise ValueError(f"the temperature is {temperature}, expected {_COLDEST} to {_HOTTEST}")


class _Struct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Part(_Struct, frozen=True, omit_defaults=True):
    """The files of one model; `kind` names the code that reads them.

    If a bundle has several parts, its answer is the mean of their probabilities, each calibrated by its own
    `temperature` and weighted by `weight`. Each part then has a `folder` of its own inside that of the bundle.
    """

    kind: str
    files: dict[str, str]
    """File name to SHA-256, hexadecimal."""
    folder: str = ""
    weight: float = 1.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight <= 1:
            raise ValueError(f"the weight of a part is {self.weight}, expected more than 0, at most 1")
        _check_temperature(self.temperature)


class MaskPatterns(_Struct, frozen=True):
    """How texts were masked: the version of the built-in patterns, and the patterns of the team."""

    version: str
    patterns: tuple[tuple[str, str], ...] = ()


class Calibration(_Struct, frozen=True):
    """Temperature scaling: probabilities to the power of 1 / temperature, made to sum to 1."""

    temperature: float = 1.0

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)


class BetaCalibration(_Struct, frozen=True, omit_defaults=True):
    """Turns the probability p of the best class into its confidence, given the probability q of the second.

    logit = a ln(p) - b ln(1 - p) + lead ln(p / q) + c. `a`, `b` and `lead` are 0 to 100, `a` or `b` is more than 0, so
    that a higher p gives a higher confidence; `c` is -100 to 100.
    """

    a: float
    b: float
    c: float
    lead: float = 0.0

    def __post_init__(self) -> None:
        # Comparisons with NaN are false.
        if not (all(0 <= weight <= _STEEPEST for weight in (self.a, self.b, self.lead)) and self.a + self.b > 0):
            raise ValueError(
                f"beta calibration has a = {self.a}, b = {self.b} and lead = {self.lead}, expected 0 to {_STEEPEST},"
                " and a or b more than 0"
            )
        if not -_STEEPEST <= self.c <= _STEEPEST:
            raise ValueError(f"beta calibration has c = {self.c}, expected {-_STEEPEST} to {_STEEPEST}")


class ClassMetrics(_Struct, frozen=True):
    """Figures of one class: `support` counts its messages, the others are 0 to 1."""

    precision: float
    recall: float
    f1: float
    support: int


class Metrics(_Struct, frozen=True):
    """Figures by cross-validation, each 0 to 1; intervals are (low, high), 95 %.

    `brier` is the mean square of the confidence minus 1 if the answer is right, 0 if it is wrong. It and
    `calibration_error` are measured on messages that the calibration was not fitted on. Bundles of 0.2.0 have no
    `brier`, and their `calibration_error` is of the messages that the temperature was fitted on.
    """

    method: str
    n_messages: int
    accuracy: float
    macro_f1: float
    macro_precision: float
    intervals: dict[str, tuple[float, float]]
    per_class: dict[str, ClassMetrics]
    calibration_error: float
    calibration_error_before: float
    calibration_error_interval: tuple[float, float] | None = None
    brier: float | None = None
    brier_interval: tuple[float, float] | None = None


class Training(_Struct, frozen=True):
    """What a model was trained on, and with which settings and libraries."""

    n_messages: int
    n_unlabelled: int
    data_fingerprint: str
    folds: int
    seed: int
    candidate_settings: dict[str, Any]
    settings: dict[str, Any]
    libraries: dict[str, str]


class Measured(_Struct, frozen=True):
    """Everything that differs if the same model is trained again."""

    created_at: str
    cross_validation_s: float = 0.0
    refit_s: float = 0.0
    latency_ms: dict[str, float] = {}
    memory_bytes: int = 0


class SelfCheck(_Struct, frozen=True):
    """How the model read and answered, when it was trained, the version `sentences` of the invented ones.

    `read` is a hash of what masks and text rules made of them. `answers` has a row for each sentence: the probability
    of each label and, if the model has learned it, of none of the classes; 0 to 1, and a row sums to 1.
    """

    sentences: str
    read: str
    answers: tuple[tuple[float, ...], ...]


class Manifest(_Struct, frozen=True):
    """Everything about a bundle except the files of its parts."""

    id: str
    candidate: str
    language: str
    labels: tuple[str, ...]
    segments: tuple[str, ...]
    text_rules: tuple[str, ...]
    masks: MaskPatterns
    parts: tuple[Part, ...]
    calibration: Calibration
    metrics: Metrics | None
    training: Training | None
    measured: Measured
    learning_curve: LearningCurve | None = None
    confidence: BetaCalibration | None = None
    """Applied to the best class after the temperature; None in bundles of 0.2.0, or if it is no better."""
    emails: str = ""
    """Version of the rules that cut quoted replies and signatures from the texts; empty if nothing was cut."""
    decisions: Part | None = None
    """The held-out answers that decisions rest on, see `answer_record.AnswerRecord`; None before version 0.3."""
    none: bool = False
    """Whether each part has one column more than there are labels: the probability of none of the classes, the last."""
    self_check: SelfCheck | None = None
    """Changes no answer, so it is not part of the identity. None before version 0.3."""
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("the same label occurs twice")

    def content_id(self) -> str:
        """The id for this content: the candidate, and a hash of everything that affects answers."""
        identity: tuple[object, ...] = (
            self.parts,
            self.labels,
            self.segments,
            self.text_rules,
            self.masks,
            self.calibration,
        )
        if self.emails:  # Bundles older than this field keep their ids.
            identity += (self.emails,)
        if self.confidence:
            identity += (self.confidence,)
        if self.decisions is not None:
            identity += (self.decisions,)
        if self.none:
            identity += ("none",)
        return f"{self.candidate}-{hashlib.sha256(msgspec.json.encode(identity)).hexdigest()[:8]}"
