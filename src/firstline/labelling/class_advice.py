"""Whether each class has enough labels to learn from and to check."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from firstline.types import Label

FEW_LABELS = 20
"""Below, the share of a class that is found is known to a fifth either way at best (Wilson's interval)."""


@dataclass(frozen=True)
class ClassAdvice:
    """One class: its labels, and whether they are enough, with the reason where they are not."""

    label: Label
    n_labels: int
    is_enough: bool
    reason: str


def class_advice(labels: Sequence[Label], folds: int) -> list[ClassAdvice]:
    """Whether each class has enough labels, those with the fewest first.

    A class with one label is learned but never checked; one with fewer labels than folds is missing from some
    of them; below 20 its figures are too uncertain to go by.
    """
    counted = sorted(Counter(labels).items(), key=lambda item: (item[1], item[0]))
    return [ClassAdvice(label, count, count >= FEW_LABELS, _why_few(count, folds)) for label, count in counted]


def _why_few(count: int, folds: int) -> str:
    if count >= FEW_LABELS:
        return ""
    if count == 1:
        return "a single message: it is learned but cannot be checked"
    if count < folds:
        return f"fewer than {folds} folds: some have none to check"
    return f"fewer than {FEW_LABELS}: figures of this class are uncertain by a fifth or more"
