"""The cost of a teacher: what it reads of all messages once, and its lessons in each fold."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from firstline.training.candidates.latent import N_COMPONENTS, latent_vectors
from firstline.training.candidates.lessons import readers
from firstline.training.candidates.regression import COUNTS_C, MAX_ITER
from firstline.training.candidates.teacher import Neighbours
from firstline.training.candidates.tfidf import BLOCKS
from firstline.training.costs.base import Workload, drawn, timed
from firstline.training.costs.counting import N_LABELLED, N_TEXTS, Counted, Regressed, labelled_sample, texts_of
from firstline.training.costs.vectors import VectorsCost
from firstline.training.encoders.base import Encoder

_INNER_FITS, _N_NEAR = 4, 500


@dataclass(frozen=True)
class LessonsCost:
    """Seconds of reading, seconds of a fold, and of the vectors that are missing, which are kept on disk."""

    reading_s: float
    fold_s: float
    memory_bytes: int
    disk_bytes: int

    @classmethod
    def of(cls, workload: Workload, encoder: Encoder | None) -> "LessonsCost":
        """From a sample of the messages."""
        context = workload.context
        texts = texts_of(workload, workload.prepared)
        messages, labels = labelled_sample(workload, N_LABELLED)
        pool = [texts[place] for place in drawn(texts, N_TEXTS - len(messages), context.seed)]
        counted = Counted.of([*texts_of(workload, messages), *pool], BLOCKS)
        features = counted.features
        components_s, latent = timed(lambda: latent_vectors(features.astype(np.float32), context.seed))
        near_s = timed(lambda: Neighbours.of(latent[:_N_NEAR]))[0] * (len(texts) / len(latent[:_N_NEAR])) ** 2
        plain = [message.text for message in dict.fromkeys(workload.prepared)]
        vectors = [VectorsCost.of(plain, reader, context.vectors, context.seed) for reader in readers(context, encoder)]
        n_kinds = 2 + len(vectors)
        n_dimensions = N_COMPONENTS + sum(cost.n_dimensions for cost in vectors)
        regressed = Regressed.of(sparse.csr_array(features[: len(labels)]), labels, COUNTS_C, MAX_ITER)
        counting_s = (counted.text_s + components_s / features.shape[0]) * len(texts) + near_s
        return cls(
            reading_s=counting_s + sum(cost.seconds for cost in vectors),
            fold_s=n_kinds * _INNER_FITS * regressed.at(workload.n_labelled * (workload.folds - 1) / workload.folds),
            memory_bytes=3 * 4 * n_dimensions * len(texts),
            disk_bytes=sum(cost.disk_bytes for cost in vectors),
        )
