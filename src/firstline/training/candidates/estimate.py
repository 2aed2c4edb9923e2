"""What the training of a candidate would take, measured on a sample of what it would read.

Clocks count the seconds of processors, not those on the wall, so that a busy machine does not raise an estimate; what
several threads or processes share is divided among them.
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from threadpoolctl import threadpool_limits

from firstline.bundle.files import size_bytes
from firstline.errors import LabelsTooFew
from firstline.processes import n_usable_cores
from firstline.steps import run_to_end
from firstline.store.messages import Labelled
from firstline.training.candidates.base import Context
from firstline.training.candidates.class_names import all_messages
from firstline.training.candidates.latent import some
from firstline.training.candidates.regression import FEW_LABELS
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.vectors import missing_of, vectors_of
from firstline.types import Label, Message

if TYPE_CHECKING:
    from firstline.training.candidates.base import Standalone

Made = TypeVar("Made")
Eligible: TypeAlias = tuple[bool, str]
"""Whether a candidate makes sense on some data, and why."""

N_LABELLED, N_TEXTS = 300, 1_200
"""The most messages in a sample: labelled ones, and all."""

TEXT_BYTES = 30_000
"""Memory that the n-grams of one text take while they are counted, about."""

_N_ENCODED, _N_TO_WARM_UP = 32, 20
_NUMBER_BYTES = 2
_SHARE_OF_A_THREAD = 0.8


@dataclass(frozen=True)
class Workload:
    """The size of a training: `folds` trainings on part of the labels, `repeats` times, then one on all of them.

    `is_compared_only`: without the last one. `before` are the candidates that are trained before this one, and may
    leave something to share.
    """

    data: Labelled
    context: Context
    folds: int
    repeats: int = 1
    before: tuple[str, ...] = ()
    is_compared_only: bool = False

    @property
    def n_labelled(self) -> int:
        return len(self.data.messages)

    @property
    def n_classes(self) -> int:
        return len(set(self.data.labels))

    @property
    def has_many_labels(self) -> bool:
        return self.n_labelled > FEW_LABELS

    @property
    def everything(self) -> list[Message]:
        return [*self.data.messages, *self.data.unlabelled]

    @property
    def prepared(self) -> list[Message]:
        """What a candidate is prepared for: names of classes, too."""
        return all_messages(self.context, self.data)

    @property
    def learned(self) -> list[float]:
        """How many labelled messages each of the trainings learns from."""
        in_a_fold = self.n_labelled * (self.folds - 1) / self.folds
        return [in_a_fold] * (self.folds * self.repeats) + [float(self.n_labelled)] * (not self.is_compared_only)

    def texts(self, messages: Sequence[Message]) -> list[str]:
        """Ruled texts of messages."""
        return [self.context.rules.with_segment(message.text, message.segment) for message in messages]


@dataclass(frozen=True)
class Estimate:
    """Of all trainings: seconds on this machine if it does nothing else, peak memory, and disk that stays used."""

    seconds: float
    memory_bytes: int
    disk_bytes: int


def from_sample(
    kind: "type[Standalone]",
    workload: Workload,
    growth: float,
    *,
    size_growth: float = 0.6,
    n_pool: int = 0,
    n_threads: float = 1.0,
    n_labelled: int = N_LABELLED,
) -> tuple[float, float]:
    """The seconds of all trainings, and the bytes of an export, from a training on `n_labelled` messages.

    `n_pool` unlabelled messages are read as well. Reading grows with the number of texts, and what is left of the
    time by their power `growth`; an export by their power `size_growth`, 0.6 as a vocabulary (Heaps' law).
    `n_threads` is how many times faster the candidate is for the threads that it uses.
    """
    context = replace(workload.context, has_many_labels=workload.has_many_labels)
    messages, labels = labelled_sample(workload, n_labelled)
    pool = some(workload.data.unlabelled, min(n_pool, N_TEXTS - min(N_LABELLED, len(messages))), context.seed)
    make = run_to_end(kind.prepare(context, []))
    # The first training loads libraries, which takes longer than to train on a few messages.
    with suppress(LabelsTooFew):
        make().fit(*labelled_sample(workload, _N_TO_WARM_UP), [])
    fit_s, fitted = clocked(lambda: make().fit(messages, labels, pool))
    read_s = clocked(lambda: fitted.predict_proba(messages))[0] / len(messages)
    n_read = len(messages) + len(pool)
    other_s = max(0.0, fit_s - read_s * n_read)

    def training_s(n_learned: float) -> float:
        n_texts = n_learned + n_pool
        return float(read_s * n_texts + other_s * (n_texts / n_read) ** growth)

    seconds = sum(map(training_s, workload.learned)) + read_s * workload.n_labelled * workload.repeats
    with context.working_folder() as folder:
        fitted.export(folder)
        size = size_bytes(folder) * ((workload.n_labelled + n_pool) / n_read) ** size_growth
    return seconds / n_threads, size


def labelled_sample(workload: Workload, n_most: int = N_LABELLED) -> tuple[list[Message], list[Label]]:
    """At most `n_most` labelled messages, of two classes at least, and their labels."""
    labels = workload.data.labels
    places = some(range(len(labels)), n_most, workload.context.seed)
    if len({labels[place] for place in places}) < 2:
        places.append(next(place for place, label in enumerate(labels) if label != labels[places[0]]))
    return [workload.data.messages[place] for place in places], [labels[place] for place in places]


def clocked(call: Callable[[], Made]) -> tuple[float, Made]:
    """The processor seconds that `call` took, and what it made. One thread: several would wait for each other."""
    with threadpool_limits(1):
        started = processor_s()
        made = call()
        return processor_s() - started, made


def processor_s() -> float:
    """Seconds of processors: of all threads of this process, and of its processes that have ended."""
    spent = os.times()
    return time.process_time() + spent.children_user + spent.children_system


def side_by_side(n_threads: int | None = None) -> float:
    """How many times faster so many threads are than one, all cores if not given: they wait for each other a little."""
    return float((n_threads or n_usable_cores()) ** _SHARE_OF_A_THREAD)


def encoding(texts: Sequence[str], encoder: Encoder, context: Context, is_kept: bool = True) -> Estimate:
    """Of sentence vectors, from 32 texts; if `is_kept`, of those texts only whose vectors the workspace lacks.

    Opening the encoder is measured apart, since it is opened once.
    """
    missing = missing_of(texts, encoder.id, context.vectors if is_kept else None)
    if not missing:
        return Estimate(0.0, 0, 0)
    sample = some(missing, _N_ENCODED, context.seed)
    opening_s, vectors = clocked(lambda: run_to_end(vectors_of(sample[:1], encoder, None)))
    sample_s, _ = clocked(lambda: run_to_end(vectors_of(sample, encoder, None)))
    text_s = max(0.0, sample_s - opening_s) / max(1, len(sample) - 1)
    size = vectors.shape[1] * len(missing)
    return Estimate(opening_s + text_s * (len(missing) - 1), 3 * 4 * size, _NUMBER_BYTES * size)
