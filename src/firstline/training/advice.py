"""What there is to learn from, and how long each candidate would take: advice before a long training."""

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from firstline.labelling.class_advice import ClassAdvice, class_advice
from firstline.processes import n_usable_cores
from firstline.steps import Stage
from firstline.training.candidates.class_names import names_for
from firstline.training.candidates.estimate import Workload
from firstline.training.estimates import Estimated
from firstline.training.estimates import estimates as estimates_of
from firstline.types import Label


@dataclass(frozen=True)
class Advice:
    """What there is to train on, and what each candidate would take. Classes with the fewest labels come first.

    Of the `n_unlabelled`, training does not read `n_not_read`; `segments` counts the messages that it reads, labelled
    or not, by the kind of writer. `names_not_learned` are classes whose name could have been learned as a message and
    is not, as it is a code, or said by another class or message.
    """

    n_messages: int
    n_labelled: int
    n_unlabelled: int
    n_not_read: int
    n_disagreements: int
    n_none: int
    is_none_learned: bool
    segments: dict[str, int]
    classes: list[ClassAdvice]
    names_not_learned: list[Label]
    folds: int
    repeats: int
    n_cores: int
    estimates: list[Estimated]


def advise(workload: Workload, candidates: Sequence[str]) -> Generator[Stage, None, Advice]:
    """Count the data and measure what each of `candidates` takes; yields which one is measured next."""
    data = workload.data
    found: list[Estimated] = []
    estimates = estimates_of(candidates, workload)
    for place, name in enumerate(candidates):
        yield Stage(f"measuring {name}", place, len(candidates))
        found.append(next(estimates))
    segments = Counter(message.segment for message in workload.everything if message.segment)
    return Advice(
        n_messages=len(workload.everything) + data.n_not_read,
        n_labelled=len(data.messages),
        n_unlabelled=len(data.unlabelled) + data.n_not_read,
        n_not_read=data.n_not_read,
        n_disagreements=data.n_disagreements,
        n_none=len(data.none),
        is_none_learned=bool(data.taught),
        segments=dict(segments.most_common()),
        classes=class_advice(data.labels, workload.folds),
        names_not_learned=_names_not_learned(workload),
        folds=workload.folds,
        repeats=workload.repeats,
        n_cores=n_usable_cores(),
        estimates=found,
    )


def _names_not_learned(workload: Workload) -> list[Label]:
    if not workload.context.has_class_names:
        return []
    return sorted(set(workload.data.labels) - set(names_for(workload.context, workload.data)))
