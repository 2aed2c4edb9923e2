"""A language model learns the language of the workspace's messages.

Without a pretrained model it starts from what the messages themselves tell: subwords of their own,
and an embedding that starts from what whole messages mean.
"""

import hashlib
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import PCA
from torch import Tensor

from firstline.errors import CheckpointUnusable, LanguageModelUnusable, PoolTooSmall
from firstline.text.rules import TextRules
from firstline.text.tokenizer import MOST_TOKENS, Tokenizer
from firstline.text.tokens import SPECIAL_TOKEN
from firstline.training.candidates.ulmfit.checkpoint import load_checkpoint, save_checkpoint
from firstline.training.candidates.ulmfit.language_model import (
    FORMAT_VERSION,
    Card,
    Direction,
    LanguageModel,
    card_shape,
    weights_of,
)
from firstline.training.candidates.ulmfit.learning import Rates, Training, one_cycle
from firstline.training.candidates.ulmfit.network import (
    LANGUAGE_MODEL_DROPOUTS,
    Dropouts,
    LanguageNetwork,
    NextTokenLoss,
    Shape,
)
from firstline.training.candidates.ulmfit.reading import MessageRounds, encode, pad
from firstline.training.candidates.ulmfit.subwords import BUILT_IN_TOKENS, train_tokenizer

OWN_SHAPE = Shape(n_embedding=300, n_hidden=300, n_layers=1)
"""Without a pretrained model: the shape that learns most in the minutes that two cores have for it."""

_LEAST_MESSAGES = 10
_CHARS_A_PIECE, _LEAST_PIECES, _MOST_PIECES, _OTHER_PIECES = 150, 200, 8_000, 5
_CHECKPOINT = "checkpoint.pt"
_RIDGE, _NOISE, _SPREAD = 3e-3, 0.03, 0.15


@dataclass(frozen=True)
class AdaptSettings:
    """How a language model is fine-tuned on the messages; the defaults are what won, see docs/EXPERIMENTS.md.

    `decay` is how many times lower the rate of each layer is than that of the layer above it.
    """

    n_epochs: int = 3
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

    `vectors`, (n_texts, n_dimensions), say what each text means; a new model's embedding starts from
    them. With a folder `work` it leaves a checkpoint there and goes on from it. `tokenizer` is that of
    the other direction's model, which this one must share. Raises `PoolTooSmall`, `CheckpointUnusable`,
    or `LanguageModelUnusable` where `base` reads with other rules or with another tokenizer.
    """
    require_pool(texts)
    is_empty = np.array([not text for text in texts], np.bool_)
    texts, vectors = [text for text in texts if text], vectors[~is_empty]
    if base:
        start = _extended(base, texts, rules, tokenizer)
    else:
        tokenizer = tokenizer or own_tokenizer(texts)
        start = _from_scratch(texts, vectors, language, rules, direction, settings, tokenizer)
    rows = encode(start.tokenizer, texts, direction)
    order = np.random.default_rng(settings.seed).permutation(len(rows))
    n_held_out = max(1, math.ceil(settings.held_out_share * len(rows)))
    held_out, learned = [rows[place] for place in order[:n_held_out]], [rows[place] for place in order[n_held_out:]]
    network = start.network(LANGUAGE_MODEL_DROPOUTS.times(settings.dropout_factor))
    training = _training(network, learned, settings)
    purpose = {
        "kind": "adaptation",
        "direction": direction,
        "messages": fingerprint(texts),
        "settings": asdict(settings),
        "tokenizer": hashlib.sha256(start.tokenizer.model).hexdigest(),
        "special tokens": list(start.tokenizer.special_tokens),
        "base": base.card.files if base else {},
    }
    progress = _Progress(work / _CHECKPOINT if work else None, purpose, training, network)
    yield from progress.run(held_out, direction, settings)
    n_tokens = sum(map(len, learned)) * settings.n_epochs
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
    """Raises `PoolTooSmall` where too few of these ruled texts hold anything."""
    n_texts = sum(bool(text) for text in texts)
    if n_texts < _LEAST_MESSAGES:
        raise PoolTooSmall(
            f"A language model needs {_LEAST_MESSAGES} messages to adapt to, got {n_texts}.",
            "Import more of your history: firstline import FILE",
        )


class _Progress:
    """The rounds of an adaptation, with the best weights so far and a checkpoint after each epoch."""

    def __init__(
        self, checkpoint: Path | None, purpose: Mapping[str, object], training: Training, network: LanguageNetwork
    ) -> None:
        self._checkpoint = checkpoint
        self._purpose = purpose
        self._training = training
        self._network = network
        self.best_perplexity = math.inf
        self.best_weights = weights_of(network)

    def run(
        self, held_out: Sequence[NDArray[np.int64]], direction: Direction, settings: AdaptSettings
    ) -> Iterator[AdaptProgress]:
        total = len(self._training.rounds)
        for done in self._training.run(self._restored()):
            is_epoch_over = (done.number + 1) % (total // settings.n_epochs) == 0
            found = perplexity(self._network, held_out) if is_epoch_over else None
            speed = done.n_tokens / max(done.seconds, 1e-9)
            yield AdaptProgress(direction, done.number + 1, total, done.loss, speed, found)
            if found is None:
                continue
            if found >= self.best_perplexity:
                break
            self.best_perplexity, self.best_weights = found, weights_of(self._network)
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
        return int(state["n_rounds"])

    def _keep(self, n_rounds: int) -> None:
        if self._checkpoint:
            state = {
                "training": self._training.state(),
                "n_rounds": n_rounds,
                "best_perplexity": self.best_perplexity,
                "best_weights": self.best_weights,
            }
            save_checkpoint(self._checkpoint, self._purpose, state)


def perplexity(network: LanguageNetwork, rows: Sequence[NDArray[np.int64]]) -> float:
    """Of the tokens of `rows`, over the whole vocabulary."""
    loss = NextTokenLoss(network, torch.full((network.n_tokens,), 1 / network.n_tokens), n_negatives=0)
    was_training = network.training
    network.eval()
    total, n_tokens = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(rows), 32):
            ids = pad(rows[start : start + 32])
            n_targets = sum(len(row) - 1 for row in rows[start : start + 32])
            if not n_targets:
                continue
            network.encoder.bs = len(ids)
            network.reset()
            total += float(loss(network(ids[:, :-1])[0], ids[:, 1:])) * n_targets
            n_tokens += n_targets
    network.train(was_training)
    network.reset()
    return math.exp(min(total / max(n_tokens, 1), 700.0))


def fingerprint(texts: Sequence[str]) -> str:
    """SHA-256 over texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode() + b"\x00")
    return digest.hexdigest()


def _training(network: LanguageNetwork, rows: Sequence[NDArray[np.int64]], settings: AdaptSettings) -> Training:
    counts = np.bincount(np.concatenate(rows), minlength=network.n_tokens) + 0.5
    frequencies = torch.from_numpy((counts / counts.sum()).astype(np.float32))

    def forgetting(_: NDArray[np.int64], ids: Tensor) -> tuple[Tensor, Tensor]:
        return ids[:, :-1], ids[:, 1:]

    rounds = MessageRounds(
        [row for row in rows if len(row) > 1],
        forgetting,
        n_epochs=settings.n_epochs,
        seed=settings.seed,
        rounds_per_epoch=settings.rounds_per_epoch,
    )
    groups = [[*network.encoder.encoder.parameters(), network.bias]]
    groups += [list(rnn.parameters()) for rnn in network.encoder.rnns]
    return Training(
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


def special_tokens(texts: Sequence[str]) -> list[str]:
    """Those that ruled texts hold, sorted."""
    found = {token for text in texts if "xx" in text for token in SPECIAL_TOKEN.findall(text)}
    return sorted(found)


def _extended(base: LanguageModel, texts: Sequence[str], rules: TextRules, required: Tokenizer | None) -> LanguageModel:
    """The same model, knowing the special tokens of these texts; a new one starts from the mean of all.

    The start that Howard and Ruder 2018 give to words that pretraining did not see.
    """
    if base.card.text_rules != rules.names:
        raise LanguageModelUnusable(
            f"The language model has learned from texts by the rules {', '.join(base.card.text_rules) or 'of none'},"
            f" the workspace reads by {', '.join(rules.names)}.",
            "Make it again with this version: firstline pretrain",
        )
    tokenizer = base.tokenizer.with_special_tokens(required.special_tokens if required else special_tokens(texts))
    if required and not tokenizer.is_same_as(required):
        raise LanguageModelUnusable(
            f"The {base.card.direction} language model has another tokenizer than that of the other direction.",
            "Make it with the other's: firstline pretrain --tokenizer DIR",
        )
    n_new = tokenizer.n_tokens - base.tokenizer.n_tokens
    embedding, bias = base.weights["encoder.encoder.weight"], base.weights["bias"]
    weights = {
        **base.weights,
        "encoder.encoder.weight": torch.cat([embedding, embedding.mean(dim=0).expand(n_new, -1)]),
        "bias": torch.cat([bias, bias.mean().expand(n_new)]),
    }
    card = msgspec.structs.replace(base.card, base=base.card.base or base.card.files)
    return LanguageModel(card, tokenizer, weights)


def own_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """Subwords of these ruled texts, as many as they suffice for, and their special tokens."""
    n_pieces = int(np.clip(sum(map(len, texts)) // _CHARS_A_PIECE, _LEAST_PIECES, _MOST_PIECES))
    # Chinese has more letters than a small history has pieces.
    n_letters = len(set().union(*texts)) + _OTHER_PIECES
    most = MOST_TOKENS - len(BUILT_IN_TOKENS)
    return train_tokenizer(texts, min(max(n_pieces, n_letters), most)).with_special_tokens(special_tokens(texts))


def _from_scratch(
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    language: str,
    rules: TextRules,
    direction: Direction,
    settings: AdaptSettings,
    tokenizer: Tokenizer,
) -> LanguageModel:
    torch.manual_seed(settings.seed)
    network = LanguageNetwork(OWN_SHAPE, tokenizer.n_tokens, Dropouts(0, 0, 0, 0, 0))
    rows = encode(tokenizer, texts, "forward")
    weights = weights_of(network)
    weights["encoder.encoder.weight"] = torch.from_numpy(
        embedding_of_vectors(rows, tokenizer.n_tokens, vectors, OWN_SHAPE.n_embedding, settings.seed)
    )
    card = Card(
        format_version=FORMAT_VERSION,
        language=language,
        direction=direction,
        shape=card_shape(OWN_SHAPE),
        text_rules=rules.names,
        sources=(),
        tokens_seen=0,
        perplexity_per_token=None,
        perplexity_per_character=None,
        hardware="",
        command="",
        settings={},
    )
    return LanguageModel(card, tokenizer, weights)


def embedding_of_vectors(
    rows: Sequence[NDArray[np.int64]], n_tokens: int, vectors: NDArray[np.float32], n_embedding: int, seed: int
) -> NDArray[np.float32]:
    """A start for an embedding, (n_tokens, n_embedding), from what each message means as a whole.

    `vectors`, (n_rows, n_dimensions), are vectors of the messages. Ridge regression finds the rows
    whose mean over a message's tokens comes nearest to its vector; of these, the principal
    components are kept. Tokens that no message has, and components beyond the rank, get noise.
    """
    counted = [np.unique(row[1:], return_counts=True) for row in rows]
    place = np.repeat(np.arange(len(rows)), [len(tokens) for tokens, _ in counted])
    token = np.concatenate([tokens for tokens, _ in counted])
    share = np.concatenate([counts / counts.sum() for _, counts in counted])
    means = sparse.csr_array((share, (place, token)), shape=(len(rows), n_tokens))
    normal = (means.T @ means).toarray()
    normal[np.diag_indices(n_tokens)] += _RIDGE
    by_token = np.linalg.solve(normal, means.T @ vectors.astype(np.float64))
    approximated = means @ by_token
    n_components = min(n_embedding, *vectors.shape)
    # Vectors that are all the same have no variance, which scikit-learn divides by.
    with np.errstate(invalid="ignore", divide="ignore"):
        components = PCA(n_components, random_state=seed).fit(approximated).components_.T
    embedding = np.random.default_rng(seed).normal(0, _NOISE, (n_tokens, n_embedding))
    is_seen = np.bincount(token, minlength=n_tokens) > 0
    found = (by_token @ components)[is_seen]
    embedding[is_seen, :n_components] = found * (_SPREAD / max(float(found.std()), 1e-9))
    return embedding.astype(np.float32)
