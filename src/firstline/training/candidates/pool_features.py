"""Features that the teacher computes before it sees labels, and what it says of those that nobody labelled."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstline.steps import Stage, each_as, run_to_end
from firstline.training.candidates.base import Context
from firstline.training.candidates.estimate import (
    N_TEXTS,
    Estimate,
    Workload,
    clocked,
    encoding,
    labelled_sample,
)
from firstline.training.candidates.latent import latent_vectors, some
from firstline.training.candidates.regression import Features
from firstline.training.candidates.teacher import Neighbours, Teacher, tfidf_features
from firstline.training.encoders import find_encoder, names_beside
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.vectors import centred_vectors
from firstline.types import Message

_COUNTED = "tfidf"
_EXPERT_SHARE = 0.75
_LEAST = 1e-9
_READING_GROWTH, _GROWTH, _TEXT_BYTES = 1.2, 1.6, 40_000
"""How the time of reading grows with the texts, and that of regressions with the labels; memory of one text."""


@dataclass(frozen=True)
class PoolFeatures:
    """`features[kind]` have a row for each message, at its `place`; `neighbours` tell which messages are alike."""

    place: Mapping[Message, int]
    features: Mapping[str, Features]
    neighbours: Neighbours

    @property
    def vectors(self) -> dict[str, NDArray[np.float32]]:
        """The features that are vectors, by kind, each (n_messages, n_dimensions)."""
        return {kind: values for kind, values in self.features.items() if isinstance(values, np.ndarray)}

    def covers(self, messages: Sequence[Message]) -> bool:
        return all(message in self.place for message in messages)

    def places_of(self, messages: Sequence[Message]) -> NDArray[np.int64]:
        return np.array([self.place[message] for message in messages], np.int64)

    def soft_labels(
        self,
        teacher: Teacher,
        messages: Sequence[Message],
        labels: NDArray[np.int64],
        others: Sequence[Message],
        expert: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Fit a teacher and ask it, and what is near, about `others`, which have no label; (n_others, n_labels).

        `labels`, (n_messages,), are places of classes. What an `expert` says of the others counts three times what
        the teacher says.
        """
        labelled, unlabelled = self.places_of(messages), self.places_of(others)
        n_labels = int(labels.max()) + 1
        teacher.fit({kind: values[labelled] for kind, values in self.features.items()}, labels, n_labels)
        probabilities = np.zeros((len(self.place), n_labels), np.float32)
        if len(unlabelled):
            features = {kind: values[unlabelled] for kind, values in self.features.items()}
            found = teacher.predict_proba(features)
            probabilities[unlabelled] = found if expert is None else _mixed(found, expert, _EXPERT_SHARE)
        probabilities[labelled] = np.eye(n_labels, dtype=np.float32)[labels]
        is_known = np.zeros(len(self.place), np.bool_)
        is_known[labelled] = is_known[unlabelled] = True
        return self.neighbours.smoothed(probabilities, is_known)[unlabelled]


def gather_pool_features(
    context: Context, messages: Sequence[Message], encoder: Encoder | None
) -> Generator[Stage, None, PoolFeatures]:
    """Compute what a teacher reads of `messages`: counts, and the vectors of its readers.

    Raises what `vectors_of` raises, and `EncoderUnusable`.
    """
    messages = list(dict.fromkeys(messages))
    texts = [context.rules.with_segment(message.text, message.segment) for message in messages]
    yield Stage("reading for the teacher", 0, 1)
    counted = tfidf_features(texts)
    vectors = {"lsa": latent_vectors(counted, context.seed)}
    for reader in readers(context, encoder):
        steps = centred_vectors([message.text for message in messages], reader, context.vectors)
        vectors[reader.name] = yield from each_as(steps, partial(_stage, f"sentence vectors by {reader.name}"))
    return PoolFeatures(
        place={message: place for place, message in enumerate(messages)},
        features={_COUNTED: counted, **vectors},
        neighbours=Neighbours.of(np.hstack(list(vectors.values()))),
    )


def teaching(workload: Workload, encoder: Encoder | None) -> Estimate:
    """What a teacher takes: reading all messages once, and soft labels in each training.

    Measured without vectors, which are added: reading them, and their share of the regressions.
    """
    context = workload.context
    labelled, labels = labelled_sample(workload)
    everything = list(dict.fromkeys(workload.prepared))
    sample = list(dict.fromkeys([*labelled, *some(everything, N_TEXTS - len(labelled), context.seed)]))
    reading_s, pool_features = clocked(lambda: run_to_end(gather_pool_features(context, sample, None)))
    truth = np.unique(labels, return_inverse=True)[1]
    others = sample[len(set(labelled)) :]
    teacher = Teacher(has_many_labels=workload.has_many_labels)
    soft_labels_s, _ = clocked(lambda: pool_features.soft_labels(teacher, labelled, truth, others))
    plain = [message.text for message in everything]
    vectors = [encoding(plain, reader, context) for reader in readers(context, encoder)]
    n_kinds = len(pool_features.features)
    in_all_s = sum(soft_labels_s * (n / len(labels)) ** _GROWTH for n in workload.learned)
    return Estimate(
        reading_s * (len(everything) / len(sample)) ** _READING_GROWTH
        + in_all_s * (n_kinds + len(vectors)) / n_kinds
        + sum(one.seconds for one in vectors),
        _TEXT_BYTES * len(everything) + sum(one.memory_bytes for one in vectors),
        sum(one.disk_bytes for one in vectors),
    )


def readers(context: Context, encoder: Encoder | None) -> tuple[Encoder, ...]:
    """Whose vectors a teacher reads: those of its encoder, if it has one, and of those beside it."""
    if encoder is None:
        return ()
    others = [find_encoder(name) for name in names_beside(context.language) if name != encoder.name]
    return (encoder, *filter(None, others))


def _stage(what: str, step: tuple[int, int]) -> Stage:
    return Stage(what, *step)


def _mixed(one: NDArray[np.float32], other: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The geometric mean of probabilities, in which the other has this share; rows sum to 1."""
    found = np.maximum(one, _LEAST) ** (1 - share) * np.maximum(other, _LEAST) ** share
    return np.asarray(found / found.sum(axis=1, keepdims=True), np.float32)
