"""The language model that an adaptation starts from: a pretrained one, or one made of the messages.

Without a pretrained model the messages themselves tell: subwords of their own, and an embedding that
starts from what whole messages mean. A pretrained embedding learns that as well.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import linalg, sparse
from sklearn.decomposition import PCA

from firstline.errors import LanguageModelUnusable
from firstline.language_models.card import FORMAT_VERSION, Card, Shape
from firstline.language_models.model import LanguageModel, weights_of
from firstline.language_models.network import (
    Dropouts,
    LanguageNetwork,
)
from firstline.language_models.reading import encode
from firstline.language_models.tokenizer_training import BUILT_IN_TOKENS, train_tokenizer
from firstline.text.rules import TextRules
from firstline.text.tokenizer import MOST_TOKENS, Tokenizer
from firstline.text.tokens import SPECIAL_TOKEN
from firstline.types import Direction

OWN_SHAPE = Shape(n_embedding=300, n_hidden=300, n_layers=1)
"""Without a pretrained model: the shape that learns most in the minutes that two cores have for it."""

_CHARS_A_PIECE, _LEAST_PIECES, _MOST_PIECES, _OTHER_PIECES = 150, 200, 8_000, 5
_RIDGE, _NOISE, _SPREAD = 3e-3, 0.03, 0.15
_N_MEANING, _OFTEN, _TINY = 100, 50, 1e-9


def special_tokens(texts: Sequence[str]) -> list[str]:
    """Those that ruled texts hold, sorted."""
    found = {token for text in texts if "xx" in text for token in SPECIAL_TOKEN.findall(text)}
    return sorted(found)


def extended(base: LanguageModel, texts: Sequence[str], rules: TextRules, required: Tokenizer | None) -> LanguageModel:
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


def n_own_pieces(n_chars: int) -> int:
    """The subwords that so many characters of messages suffice for."""
    return int(np.clip(n_chars // _CHARS_A_PIECE, _LEAST_PIECES, _MOST_PIECES))


def own_tokenizer(texts: Sequence[str]) -> Tokenizer:
    """Subwords of these ruled texts, as many as they suffice for, and their special tokens."""
    n_pieces = n_own_pieces(sum(map(len, texts)))
    # Chinese has more letters than a small history has pieces.
    n_letters = len(set().union(*texts)) + _OTHER_PIECES
    most = MOST_TOKENS - len(BUILT_IN_TOKENS)
    return train_tokenizer(texts, min(max(n_pieces, n_letters), most)).with_special_tokens(special_tokens(texts))


def from_scratch(
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    language: str,
    rules: TextRules,
    direction: Direction,
    seed: int,
    tokenizer: Tokenizer,
) -> LanguageModel:
    """A new model: its embedding starts from `vectors`, (n_texts, n_dimensions), all else from random weights."""
    torch.manual_seed(seed)
    network = LanguageNetwork(OWN_SHAPE, tokenizer.n_tokens, Dropouts(0, 0, 0, 0, 0))
    rows = encode(tokenizer, texts, "forward")
    weights = weights_of(network)
    weights["encoder.encoder.weight"] = torch.from_numpy(
        embedding_of_vectors(rows, tokenizer.n_tokens, vectors, OWN_SHAPE.n_embedding, seed)
    )
    card = Card(
        format_version=FORMAT_VERSION,
        language=language,
        direction=direction,
        shape=OWN_SHAPE,
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


def with_meaning(
    model: LanguageModel, rows: Sequence[NDArray[np.int64]], vectors: NDArray[np.float32], seed: int
) -> LanguageModel:
    """The same model, whose embedding tells in 100 of its directions what whole messages mean.

    `vectors`, (n_rows, n_dimensions), are vectors of the messages `rows`. Of the pretrained embedding,
    the directions go that say most of the same (by least squares, for each token as often as it
    occurs, 50 times at most); what it knows beside them stays, and so do tokens that no message has.
    """
    embedding = model.weights["encoder.encoder.weight"].numpy().astype(np.float64)
    counts = np.bincount(np.concatenate(rows), minlength=len(embedding))
    found, is_seen = _meaning_of_tokens(rows, len(embedding), vectors, _N_MEANING, seed)
    known = embedding[is_seen] - embedding[is_seen].mean(axis=0)
    weight = np.sqrt(np.minimum(counts[is_seen], _OFTEN))[:, None]
    to_meaning, *_ = np.linalg.lstsq(known * weight, found * weight, rcond=None)
    directions, _, turned = np.linalg.svd(to_meaning, full_matrices=False)
    before, after = known @ directions, found @ turned.T
    after *= before.std() / max(float(after.std()), _TINY)
    embedding[is_seen] += (after - before) @ directions.T
    weights = {**model.weights, "encoder.encoder.weight": torch.from_numpy(embedding.astype(np.float32))}
    return LanguageModel(model.card, model.tokenizer, weights)


def embedding_of_vectors(
    rows: Sequence[NDArray[np.int64]], n_tokens: int, vectors: NDArray[np.float32], n_embedding: int, seed: int
) -> NDArray[np.float32]:
    """A start for an embedding, (n_tokens, n_embedding), from what each message means as a whole.

    `vectors`, (n_rows, n_dimensions), are vectors of the messages. Tokens that no message has, and
    components beyond the rank, get noise.
    """
    found, is_seen = _meaning_of_tokens(rows, n_tokens, vectors, n_embedding, seed)
    embedding = np.random.default_rng(seed).normal(0, _NOISE, (n_tokens, n_embedding))
    embedding[is_seen, : found.shape[1]] = found * (_SPREAD / max(float(found.std()), _TINY))
    return embedding.astype(np.float32)


def _meaning_of_tokens(
    rows: Sequence[NDArray[np.int64]], n_tokens: int, vectors: NDArray[np.float32], n_most: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What the tokens mean that messages have, (n_seen, n_most or fewer), and which these are, (n_tokens,).

    Ridge regression finds the rows whose mean over a message's tokens comes nearest to its vector; of
    these, the principal components are kept.
    """
    counted = [np.unique(row[1:], return_counts=True) for row in rows]
    is_seen = np.zeros(n_tokens, np.bool_)
    is_seen[np.concatenate([tokens for tokens, _ in counted])] = True
    column = np.cumsum(is_seen) - 1
    place = np.repeat(np.arange(len(rows)), [len(tokens) for tokens, _ in counted])
    token = column[np.concatenate([tokens for tokens, _ in counted])]
    share = np.concatenate([counts / counts.sum() for _, counts in counted])
    n_seen = int(is_seen.sum())
    means = sparse.csr_array((share, (place, token)), shape=(len(rows), n_seen))
    normal = (means.T @ means).toarray()
    normal[np.diag_indices(n_seen)] += _RIDGE
    # In place, since it is the largest thing here: 2 GB for 16,000 tokens.
    by_token = linalg.solve(normal.T, means.T @ vectors.astype(np.float64), overwrite_a=True, assume_a="pos")
    n_components = min(n_most, *vectors.shape)
    # Vectors that are all the same have no variance, which scikit-learn divides by.
    with np.errstate(invalid="ignore", divide="ignore"):
        components = PCA(n_components, random_state=seed).fit(means @ by_token).components_.T
    return by_token @ components, is_seen
