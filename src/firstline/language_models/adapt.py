"""Adapts a language model to the messages of a workspace."""

import hashlib
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstline.errors import CheckpointUnusable, PoolTooSmall
from firstline.language_models.checkpoint import load_checkpoint, save_checkpoint
from firstline.language_models.model import LanguageModel, weights_of
from firstline.language_models.network import (
    LANGUAGE_MODEL_DROPOUTS,
    LanguageNetwork,
    NextTokenLoss,
)
from firstline.language_models.perplexity import nats_per_token, perplexity
from firstline.language_models.reading import MessageRounds, encode, n_batches_of, pad, rows_of_a_batch
from firstline.language_models.start import extended, from_scratch, own_tokenizer, with_meaning
from firstline.neural.loop import Rates, TrainingLoop, one_cycle
from firstline.text.rules import TextRules
from firstline.text.tokenizer import Tokenizer
from firstline.types import Direction

_LEAST_MESSAGES, _LEAST_BATCHES, _ENOUGH_HELD_OUT = 10, 600, 200
_CHECKPOINT = "checkpoint.pt"
_ROWS_AT_A_TIME = 32


@dataclass(frozen=True)
class AdaptSettings:
    """How a language model is fine-tuned on the messages; for the defaults see docs/EXPERIMENTS.md.

    Fewer than some 60,000 messages are read more often than `n_epochs`, so that there are 600 batches, and few
    in batches of fewer than `max_rows`; with 0 epochs the model stays as it is. `decay` is how many times lower
    the rate of each layer is than that of the layer above it; `vectors` names what the embedding starts from.
    """

    n_epochs: int = 1
    max_rows: int = 128
    vectors: str = ""
    rate: float = 4e-3
    decay: float = 1.0
    dropout_factor: float = 0.3
    n_negatives: int = 1_000
    held_out_share: float = 0.02
    rounds_per_epoch: int = 10
    seed: int = 0


@dataclass(frozen=True)
class AdaptProgress:
    """One round is done, of `total`; `perplexity`, at the end of an epoch, is on held-out messages."""

    direction: Direction
    done: int
    total: int
    loss: float
    n_tokens: int
    tokens_per_s: float
    perplexity: float | None


def adapt(
    base: LanguageModel | None,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    language: str,
    rules: TextRules,
    direction: Direction,
    settings: AdaptSettings,
    work: Path | None = None,
    tokenizer: Tokenizer | None = None,
) -> Generator[AdaptProgress, None, LanguageModel]:
    """Fine-tune `base` on ruled texts, or a new model where there is none; stops once held-out text gets no likelier.

    `vectors`, (n_texts, n_dimensions), say what each text means; the embedding starts from them, in whole or
    in part. With a folder `work` it leaves a checkpoint there and goes on from it. `tokenizer` is that of
    the other direction's model, which this one must share. Raises `PoolTooSmall`, `CheckpointUnusable`,
    or `LanguageModelUnusable` where `base` reads with other rules or with another tokenizer.
    """
    require_pool(texts)
    is_empty = np.array([not text for text in texts], np.bool_)
    texts, vectors = [text for text in texts if text], vectors[~is_empty]
    if base:
        start = extended(base, texts, rules, tokenizer)
        start = with_meaning(start, encode(start.tokenizer, texts, direction), vectors, settings.seed)
    else:
        tokenizer = tokenizer or own_tokenizer(texts)
        start = from_scratch(texts, vectors, language, rules, direction, settings.seed, tokenizer)
    rows = encode(start.tokenizer, texts, direction)
    order = np.random.default_rng(settings.seed).permutation(len(rows))
    n_held_out = max(math.ceil(settings.held_out_share * len(rows)), min(_ENOUGH_HELD_OUT, len(rows) // 10))
    held_out, learned = [rows[place] for place in order[:n_held_out]], [rows[place] for place in order[n_held_out:]]
    network = start.network(LANGUAGE_MODEL_DROPOUTS.times(settings.dropout_factor))
    rounds = _rounds(learned, settings)
    training = _training(network, learned, rounds, settings)
    purpose = {
        "kind": "adaptation",
        "direction": direction,
        "messages": fingerprint(texts),
        "settings": asdict(settings),
        "tokenizer": hashlib.sha256(start.tokenizer.model).hexdigest(),
        "special tokens": list(start.tokenizer.special_tokens),
        "base": base.card.files if base else {},
    }
    progress = _Progress(work / _CHECKPOINT if work else None, purpose, training, rounds, network)
    yield from progress.run(held_out, direction)
    n_tokens = sum(map(len, learned)) * progress.best_epoch
    card = msgspec.structs.replace(
        start.card,
        tokens_seen=start.card.tokens_seen + n_tokens,
        perplexity_per_token=round(progress.best_perplexity, 2) if settings.n_epochs else None,
        perplexity_per_character=None,
        command="firstline adapt",
        settings=asdict(settings),
    )
    return LanguageModel(card, start.tokenizer, progress.best_weights)


def require_pool(texts: Sequence[str]) -> None:
    """Raises `PoolTooSmall` if too few of these ruled texts have any words."""
    n_texts = sum(bool(text) for text in texts)
    if n_texts < _LEAST_MESSAGES:
        raise PoolTooSmall(
            f"A language model needs {_LEAST_MESSAGES} messages to adapt to, got {n_texts}.",
            "Import more of your history: firstline import FILE",
        )


class _Progress:
    """The rounds of an adaptation, with the best weights so far and a checkpoint after each epoch."""

    def __init__(
        self,
        checkpoint: Path | None,
        purpose: Mapping[str, object],
        training: TrainingLoop,
        rounds: MessageRounds,
        network: LanguageNetwork,
    ) -> None:
        self._checkpoint = checkpoint
        self._purpose = purpose
        self._training = training
        self._rounds = rounds
        self._network = network
        self.best_perplexity = math.inf
        self.best_epoch = 0
        self.best_weights = weights_of(network)

    def run(self, held_out: Sequence[NDArray[np.int64]], direction: Direction) -> Iterator[AdaptProgress]:
        total = len(self._rounds)
        for done in self._training.run(self._restored()):
            epoch, rest = divmod(done.number + 1, self._rounds.rounds_per_epoch)
            is_epoch_over = rest == 0
            found = perplexity_of(self._network, held_out) if is_epoch_over else None
            speed = done.n_tokens / max(done.seconds, 1e-9)
            yield AdaptProgress(direction, done.number + 1, total, done.loss, done.n_tokens, speed, found)
            if found is None:
                continue
            if found >= self.best_perplexity:
                break
            self.best_perplexity, self.best_epoch, self.best_weights = found, epoch, weights_of(self._network)
            self._keep(done.number + 1)

    def _restored(self) -> int:
        if self._checkpoint is None:
            return 0
        try:
            state = load_checkpoint(self._checkpoint, self._purpose)
        except CheckpointUnusable:
            # Left by a training that was stopped before messages or settings changed.
            return 0
        if state is None:
            return 0
        self._training.restore(state["training"])
        self.best_perplexity, self.best_weights = state["best_perplexity"], state["best_weights"]
        self.best_epoch = state["best_epoch"]
        return int(state["n_rounds"])

    def _keep(self, n_rounds: int) -> None:
        if self._checkpoint:
            state = {
                "training": self._training.state(),
                "n_rounds": n_rounds,
                "best_perplexity": self.best_perplexity,
                "best_epoch": self.best_epoch,
                "best_weights": self.best_weights,
            }
            save_checkpoint(self._checkpoint, self._purpose, state)


def perplexity_of(network: LanguageNetwork, rows: Sequence[NDArray[np.int64]]) -> float:
    """Of the tokens of `rows`, messages of any length, over the whole vocabulary."""
    rows = sorted((row for row in rows if len(row) > 1), key=len)
    total, n_tokens = 0.0, 0
    for start in range(0, len(rows), _ROWS_AT_A_TIME):
        part = rows[start : start + _ROWS_AT_A_TIME]
        n_targets = sum(len(row) - 1 for row in part)
        total += nats_per_token(network, pad(part).numpy().astype(np.int32)) * n_targets
        n_tokens += n_targets
    return perplexity(total / max(n_tokens, 1))


def batches_of(n_messages: int, lengths: NDArray[np.int64], settings: AdaptSettings) -> tuple[int, int]:
    """Messages in a batch at most, and epochs at most, for so many messages; `lengths`, (n_drawn,), are those of some.

    No epochs stay none.
    """
    max_rows = rows_of_a_batch(n_messages, settings.max_rows)
    n_batches = n_batches_of(lengths, max_rows) * n_messages / max(len(lengths), 1)
    least = math.ceil(_LEAST_BATCHES / max(n_batches, 1))
    return max_rows, settings.n_epochs and max(settings.n_epochs, least)


def fingerprint(texts: Sequence[str]) -> str:
    """SHA-256 over texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\x00")
    return digest.hexdigest()


def _rounds(rows: Sequence[NDArray[np.int64]], settings: AdaptSettings) -> MessageRounds:
    rows = [row for row in rows if len(row) > 1]
    max_rows, n_epochs = batches_of(len(rows), np.array([len(row) for row in rows], np.int64), settings)

    def shifted(_: NDArray[np.int64], ids: Tensor) -> tuple[Tensor, Tensor]:
        return ids[:, :-1], ids[:, 1:]

    return MessageRounds(
        rows,
        shifted,
        n_epochs=n_epochs,
        seed=settings.seed,
        rounds_per_epoch=settings.rounds_per_epoch,
        max_rows=max_rows,
    )


def _training(
    network: LanguageNetwork, rows: Sequence[NDArray[np.int64]], rounds: MessageRounds, settings: AdaptSettings
) -> TrainingLoop:
    counts = np.bincount(np.concatenate(rows), minlength=network.n_tokens) + 0.5
    frequencies = torch.from_numpy((counts / counts.sum()).astype(np.float32))
    groups = [[*network.encoder.encoder.parameters(), network.bias]]
    groups += [list(rnn.parameters()) for rnn in network.encoder.rnns]
    return TrainingLoop(
        network,
        NextTokenLoss(network, frequencies, settings.n_negatives),
        rounds,
        groups,
        Rates(settings.rate, settings.decay),
        one_cycle(warm_up=0.15),
        settings.seed,
        is_language_model=True,
        forgets_between_batches=True,
    )
