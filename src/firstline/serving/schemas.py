"""What the HTTP API takes and gives."""

from typing import Annotated, Literal

import msgspec

from firstline.types import Decision, Reason

MOST_SEGMENT_CHARS = 300
Segment = Annotated[
    str,
    msgspec.Meta(max_length=MOST_SEGMENT_CHARS, description="The kind of writer, as in training: customer, lead, ..."),
]


Text = Annotated[str, msgspec.Meta(description="What the person wrote, as it came: it is masked here.")]


class ClassifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message."""

    text: Text
    segment: Segment | None = None


class BatchMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a batch; its `id`, if it has one, comes back with its answer."""

    text: Text
    id: str | int | None = None
    segment: Segment | None = None


class BatchRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several messages, each a `BatchMessage`; any other gets an error of its own."""

    messages: list[msgspec.Raw]


class RankedClass(msgspec.Struct, frozen=True, gc=False):
    """A class with its calibrated confidence, 0 to 1."""

    label: str
    confidence: float


class WordShare(msgspec.Struct, frozen=True):
    """A word of the masked text and how much it speaks for the label; below 0, against it."""

    word: str
    weight: float


class WhyAnswered(msgspec.Struct, frozen=True):
    """The words that carried the label, at most 30, the most important first."""

    words: tuple[WordShare, ...]
    method: Literal["exact", "occlusion"]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The classes of one message, most confident first, and what to do with it: see docs/decisions.md."""

    model: str
    label: str
    confidence: float
    ranking: tuple[RankedClass, ...]
    decision: Decision
    reason: Reason
    warnings: tuple[str, ...] = ()
    explanation: WhyAnswered | None = None


class BatchAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to one message of a batch: either `error` or the other fields."""

    id: str | int | None = None
    label: str | None = None
    confidence: float | None = None
    ranking: tuple[RankedClass, ...] = ()
    decision: Decision | None = None
    reason: Reason | None = None
    warnings: tuple[str, ...] = ()
    error: "ErrorBody | None" = None


class BatchAnswers(msgspec.Struct, frozen=True):
    """Answers in the order of the messages."""

    model: str
    results: list[BatchAnswer]


class ModelInfo(msgspec.Struct, frozen=True):
    """A model of the workspace."""

    id: str
    candidate: str
    created_at: str
    is_serving: bool
    labels: tuple[str, ...]
    segments: tuple[str, ...]
    accuracy: float | None
    macro_f1: float | None


class Models(msgspec.Struct, frozen=True):
    """The models of the workspace, newest first."""

    models: list[ModelInfo]


class Health(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status` is "live" or "ready"; `refused` says why the model that was promoted last does not serve."""

    status: str
    model: str | None = None
    refused: "ErrorBody | None" = None


class ErrorBody(msgspec.Struct, frozen=True):
    """What is wrong: a stable code, a sentence, and what to do next."""

    code: str
    message: str
    next_step: str


class ErrorAnswer(msgspec.Struct, frozen=True):
    """The one shape of every error."""

    error: ErrorBody
