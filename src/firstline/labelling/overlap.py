"""Whether a new class overlaps an old one: a model that knows the old classes takes most of its messages for one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from firstline.bundle.predictor import Predictor
from firstline.types import Label, Message

CONFIDENT = 0.8
_SHARE = 1 / 2
_LEAST = 5
_MOST_ASKED = 100


@dataclass(frozen=True)
class Overlap:
    """`n_taken` of `n_messages` messages of the class `label` are taken for `other`."""

    label: Label
    other: Label
    n_taken: int
    n_messages: int


def overlap(label: Label, answers: Sequence[Label]) -> Overlap | None:
    """From the answers to a class's messages, if at least half of at least 5 are one other class; otherwise None."""
    others = Counter(answer for answer in answers if answer and answer != label)
    if len(answers) < _LEAST or not others:
        return None
    other, n_taken = others.most_common(1)[0]
    return Overlap(label, other, n_taken, len(answers)) if n_taken >= _SHARE * len(answers) else None


def overlaps(predictor: Predictor, examples: Mapping[Label, Sequence[Message]]) -> list[Overlap]:
    """Classes that the model does not know, and takes for another with a confidence of at least .8.

    It is asked for at most 100 messages of each class.
    """
    found = []
    for label, messages in examples.items():
        if label in predictor.manifest.labels:
            continue
        answers = predictor.predict(list(messages[:_MOST_ASKED]))
        sure = [one.label if one.confidence >= CONFIDENT else "" for one in answers]
        found.append(overlap(label, sure))
    return [one for one in found if one is not None]
