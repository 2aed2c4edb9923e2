"""The language model of a workspace: saved in it, and adapted again once the messages have changed enough."""

import hashlib
import io
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.errors import FileUnwritable, LanguageModelUnusable
from firstline.language_models.adapt import AdaptProgress, AdaptSettings, adapt
from firstline.language_models.model import LanguageModel
from firstline.language_models.start import own_tokenizer, special_tokens
from firstline.steps import Stage, each_as
from firstline.text.rules import TextRules
from firstline.text.tokenizer import Tokenizer
from firstline.types import Direction

SEEN_FILE = "seen.npy"
CHANGED_ENOUGH = 0.1
"""A model is adapted again once this share of the messages is new to it."""


def adapted_model(
    folder: Path | None,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    language: str,
    rules: TextRules,
    direction: Direction,
    settings: AdaptSettings,
    *,
    base: LanguageModel | None = None,
    is_forced: bool = False,
    tokenizer: Tokenizer | None = None,
) -> Generator[Stage, None, LanguageModel]:
    """The workspace's model for ruled texts: the one in `folder`, or one that is adapted now and kept.

    `base` is the pretrained model to start from; without one, a kept model that came from one is
    adapted on. `tokenizer` is that of the other direction's model. Raises `PoolTooSmall`,
    `LanguageModelUnusable`, `CheckpointUnusable` or `FileUnwritable`.
    """
    kept = kept_model(folder, language, rules, base) if folder and not is_forced else None
    if folder and kept:
        is_right = tokenizer is None or kept.tokenizer.is_same_as(tokenizer)
        if is_right and is_fresh(folder, kept, texts, settings):
            return kept
        if base is None and kept.card.base and _can_become(kept.tokenizer, tokenizer):
            base = kept
    if folder and folder.exists() and not folder.is_dir():
        raise FileUnwritable(f"{folder} is a file, not a folder.", "Move it away.")
    work = folder.with_name(f"{folder.name}.work") if folder else None
    if work:
        _make(work)
    steps = adapt(base, texts, vectors, language, rules, direction, settings, work, tokenizer)
    model = yield from each_as(steps, _stage)
    if folder:
        model.save(folder, {SEEN_FILE: _npy(_keys(texts))})
        # As the next training finds it: rounded.
        model = LanguageModel.load(folder)
    if work:
        shutil.rmtree(work, ignore_errors=True)
    return model


def _stage(step: AdaptProgress) -> Stage:
    detail = f"{step.tokens_per_s:,.0f} tokens/s"
    if step.perplexity is not None:
        detail += f", held-out perplexity {step.perplexity:.1f}"
    return Stage(f"{step.direction} language model", step.done, step.total, detail)


def tokenizer_for(
    folder: Path | None,
    texts: Sequence[str],
    language: str,
    rules: TextRules,
    settings: AdaptSettings,
    base: LanguageModel | None,
    is_forced: bool,
) -> Tokenizer:
    """The tokenizer of the model that `adapted_model` will give: the kept one's, the pretrained one's, or a new one."""
    kept = kept_model(folder, language, rules, base) if folder and not is_forced else None
    if folder and kept and is_fresh(folder, kept, texts, settings):
        return kept.tokenizer
    start = base or (kept if kept and kept.card.base else None)
    return start.tokenizer.with_special_tokens(special_tokens(texts)) if start else own_tokenizer(texts)


def kept_model(
    folder: Path, language: str, rules: TextRules, base: LanguageModel | None = None
) -> LanguageModel | None:
    """The adapted model in `folder`, if there is one that can be used.

    One that is damaged, of another language, that reads by other rules, or that started from another
    pretrained model than `base`, does not count.
    """
    try:
        model = LanguageModel.load(folder)
    except LanguageModelUnusable:
        return None
    if SEEN_FILE not in model.card.files or (model.card.language, model.card.text_rules) != (language, rules.names):
        return None
    if base and model.card.base != base.card.files:
        return None
    return model


def _can_become(found: Tokenizer, required: Tokenizer | None) -> bool:
    """Whether special tokens are all that `required` has more."""
    return required is None or found.with_special_tokens(required.special_tokens).is_same_as(required)


def is_fresh(folder: Path, kept: LanguageModel, texts: Sequence[str], settings: AdaptSettings) -> bool:
    """Whether the saved model has read nearly all of the texts, as often as requested and from the same start."""
    found = kept.card.settings
    has_same_start = bool(kept.card.base) or found.get("vectors") == settings.vectors
    is_as_asked = has_same_start and found.get("n_epochs") == settings.n_epochs
    return is_as_asked and share_of_new(folder, texts) <= CHANGED_ENOUGH


def share_of_new(folder: Path, texts: Sequence[str]) -> float:
    """How much of these texts, 0 to 1, the model in `folder` has not learned from."""
    seen = np.load(folder / SEEN_FILE, allow_pickle=False)
    return float((~np.isin(_keys(texts), seen)).mean())


def _keys(texts: Sequence[str]) -> NDArray[np.uint64]:
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def _npy(array: NDArray[np.uint64]) -> bytes:
    content = io.BytesIO()
    np.save(content, np.sort(array), allow_pickle=False)
    return content.getvalue()


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileUnwritable(f"{folder} cannot be made: {error.strerror}.", "Check the permissions.") from None
