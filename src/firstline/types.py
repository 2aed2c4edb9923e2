"""Types that all packages share."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

Label: TypeAlias = str
"""The name of a class, as the team writes it."""

NONE: Label = "\U0010ffff"
"""What candidates learn messages of none of the classes as. No class has this name, which sorts after all others."""

Direction: TypeAlias = Literal["forward", "backward"]
"""How a language model reads a text."""


Decision: TypeAlias = Literal["route", "review", "unknown"]
"""What to do with a message: act on its label, let a person decide, or treat it as none of the classes."""

Reason: TypeAlias = Literal[
    "confident",
    "low_confidence",
    "always_review",
    "promise_out_of_reach",
    "no_thresholds",
    "unfamiliar",
    "no_known_words",
    "none_of_these",
]
"""Why a decision was taken: a stable code, see docs/decisions.md.

`confident` routes. `low_confidence`, `always_review` (the team's rule for this class), `promise_out_of_reach` (held-out
answers cannot back what the team asks for) and `no_thresholds` (a model from before decisions) leave it to a person.
`unfamiliar`, `no_known_words` and `none_of_these` (the model has learned such messages) make it unknown.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """What one person wrote, masked, and who they are to the company.

    `text` never holds personal data: masking comes before a `Message` is made.
    `segment` is the kind of writer ("customer", "lead"), or None if unknown.
    """

    text: str
    segment: str | None = None


class Ranked(msgspec.Struct, frozen=True, gc=False):
    """One class with its calibrated confidence, 0 to 1. An answer has one for each class, so they are made fast."""

    label: Label
    confidence: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """All classes of a model for one message, most confident first; confidences sum to 1.

    `novelty`, 0 to 1, is higher the less the message is like what was learned; None if the model cannot tell.
    """

    ranking: tuple[Ranked, ...]
    decision: Decision = "review"
    reason: Reason = "no_thresholds"
    novelty: float | None = None

    @property
    def label(self) -> Label:
        return self.ranking[0].label

    @property
    def confidence(self) -> float:
        return self.ranking[0].confidence
