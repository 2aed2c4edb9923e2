"""Types that all packages share."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Label: TypeAlias = str
"""The name of a class, as the team writes it."""

Direction: TypeAlias = Literal["forward", "backward"]
"""How a language model reads a text."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one person wrote, masked, and who they are to the company.

    `text` never holds personal data: masking comes before a `Message` is made.
    `segment` is the kind of writer ("customer", "lead"), or None if unknown.
    """

    text: str
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """One class with its calibrated confidence, 0 to 1."""

    label: Label
    confidence: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """All classes of a model for one message, most confident first; confidences sum to 1."""

    ranking: tuple[Ranked, ...]

    @property
    def label(self) -> Label:
        return self.ranking[0].label

    @property
    def confidence(self) -> float:
        return self.ranking[0].confidence
