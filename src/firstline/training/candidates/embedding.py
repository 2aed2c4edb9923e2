"""`embedding.v1`: sentence vectors of an encoder that stays as it is, and a linear head on top of them."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from firstline.bundle.parts.head import Head
from firstline.errors import EncoderUnusable, install_hint
from firstline.evaluation.serving_cost import resident_bytes
from firstline.steps import Stage, each_as, run_to_end
from firstline.text.readings import as_written
from firstline.training.candidates.base import Candidate, Context
from firstline.training.candidates.estimate import Eligible, Estimate, Workload, encoding
from firstline.training.candidates.ranges import number
from firstline.training.candidates.regression import fit_regression
from firstline.training.encoders import find_encoder
from firstline.training.encoders.base import Encoder, ServedPart
from firstline.training.encoders.vectors import missing_of, vectors_of
from firstline.types import Label, Message

_PROCESS_BYTES, _BUNDLE_BYTES = 500_000_000, 130_000_000
"""What an open encoder takes of memory, and of a bundle, about."""


class WithEncoder(Candidate):
    """For candidates whose `part_` reads messages as they were written, with an encoder."""

    part_: ServedPart

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """The workspace's encoder."""
        return (context.encoder.name,)

    def predict_proba(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """Uncalibrated probabilities of the part that serves, (n_messages, n_labels); rows sum to 1."""
        return self.part_.predict_proba([as_written(message.text, message.segment) for message in messages])

    def export(self, folder: Path) -> str:
        """Write the encoder with its head; returns the kind of the part."""
        self.part_.save(folder)
        return self.part_.kind


@dataclass(frozen=True)
class EmbeddingSettings:
    """What can be set; the default is what won, see docs/EXPERIMENTS.md."""

    C: float = number(10.0, 0.1, 1_000.0, "how closely the labels are followed; lower is smoother", is_log=True)


class Embedding(WithEncoder):
    """Logistic regression over vectors, moved to their mean and scaled to a length of 1 on average."""

    name = "embedding.v1"
    settings_type: ClassVar[type] = EmbeddingSettings
    settings: EmbeddingSettings

    def __init__(self, context: Context, encoder: Encoder, settings: EmbeddingSettings) -> None:
        self.context = context
        self.encoder = encoder
        self.settings = settings

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If there is an encoder. Raises what `require_encoder` raises."""
        return True, f"reads with {require_encoder(workload.context, cls.name).name} as it is"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """Each message is encoded once, unless its vector is kept, and once more by the part that serves."""
        context = workload.context
        encoder = require_encoder(context, cls.name)
        texts = [as_written(message.text, message.segment) for message in workload.data.messages]
        every = encoding(texts, encoder, context, is_kept=False)
        missing = len(missing_of(texts, encoder.id, context.vectors)) / max(1, len(set(texts)))
        disk = int(missing * every.disk_bytes) + _BUNDLE_BYTES
        return Estimate((1 + missing) * every.seconds, resident_bytes() + _PROCESS_BYTES, disk)

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Find the encoder, which all trainings share. Raises what `require_encoder` raises."""
        encoder = require_encoder(context, cls.name)
        yield from ()
        return lambda: cls(context, encoder, cls.settings_for(context))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        texts = [as_written(message.text, message.segment) for message in messages]
        what = f"sentence vectors by {self.encoder.name}"
        steps = vectors_of(texts, self.encoder, self.context.vectors)
        vectors = run_to_end(each_as(steps, lambda step: Stage(what, *step)), self.context.report)
        mean = vectors.mean(axis=0)
        scale = max(float(np.sqrt(((vectors - mean) ** 2).sum(axis=1).mean())), 1e-6)
        found = fit_regression(np.asarray((vectors - mean) / scale, np.float32), labels, self.settings.C)
        weights = found.weights / np.float32(scale)
        self.part_ = self.encoder.part(Head(weights, found.bias - mean @ weights), texts)
        self.labels_ = found.labels
        return self

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        return {"encoder": self.encoder.id, **super().describe()}


def require_encoder(context: Context, candidate: str) -> Encoder:
    """The encoder that `[encoder]` names.

    Raises `EncoderUnusable` if it names none or none is installed, and what `encoders.find_encoder` raises.
    """
    encoder = find_encoder(context.encoder.name, context.workspace, context.encoders)
    if encoder is None:
        raise EncoderUnusable(
            f"{candidate} needs a sentence encoder, but none is installed and [encoder] name sets none.",
            install_hint("'firstline[encoders]'") + ", or set [encoder] name to a sentence-transformers folder",
        )
    return encoder
