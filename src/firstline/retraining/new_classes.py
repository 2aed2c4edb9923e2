"""What a challenger makes of the classes that the champion does not know yet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from firstline.labelling.overlap import Overlap, overlap
from firstline.retraining.comparing import Compared
from firstline.types import Label


@dataclass(frozen=True)
class NewClass:
    """A class that the champion does not know, by out-of-fold answers; the figures are 0 to 1.

    `n_suspects` messages of other classes are answered with it, so they may belong to it. `overlap` is the class that
    takes too many of its messages, if any.
    """

    label: Label
    n_labels: int
    precision: float
    recall: float
    f1: float
    n_suspects: int
    overlap: Overlap | None


def new_classes(compared: Compared) -> list[NewClass]:
    """The new classes, those with the most labels first."""
    truth, answers = compared.truth.tolist(), compared.challenger.labels.tolist()
    counts = Counter(truth)
    new = [label for label in compared.challengers if label not in compared.champions]
    return sorted((_of(label, counts[label], truth, answers) for label in new), key=lambda one: -one.n_labels)


def _of(label: Label, n_labels: int, truth: Sequence[Label], answers: Sequence[Label]) -> NewClass:
    own = [answer for given, answer in zip(truth, answers, strict=True) if given == label]
    n_right, n_answered = own.count(label), answers.count(label)
    precision, recall = n_right / max(n_answered, 1), n_right / max(n_labels, 1)
    f1 = 2 * n_right / max(n_answered + n_labels, 1)
    return NewClass(label, n_labels, precision, recall, f1, n_answered - n_right, overlap(label, own))
