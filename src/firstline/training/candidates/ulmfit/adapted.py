"""The language model of a workspace: kept beside its messages, and adapted again once they have changed enough."""

import hashlib
import io
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstline.errors import FileUnwritable, LanguageModelUnusable
from firstline.text.rules import TextRules
from firstline.training.candidates.base import Stage
from firstline.training.candidates.ulmfit.adapt import AdaptSettings, adapt
from firstline.training.candidates.ulmfit.language_model import Direction, LanguageModel

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
) -> Generator[Stage, None, LanguageModel]:
    """The workspace's model for ruled texts: the one in `folder`, or one that is adapted now and kept.

    `base` is the pretrained model to start from. Raises `PoolTooSmall`, `LanguageModelUnusable` or
    `CheckpointUnusable`.
    """
    if folder and not is_forced and (kept := kept_model(folder, texts, base)):
        return kept
    work = folder.with_name(f"{folder.name}.work") if folder else None
    if work:
        _make(work)
    steps = adapt(base, texts, vectors, language, rules, direction, settings, work)
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            model: LanguageModel = end.value
            break
        detail = f"{step.tokens_per_s:,.0f} tokens/s"
        if step.perplexity is not None:
            detail += f", held-out perplexity {step.perplexity:.1f}"
        yield Stage(f"{direction} language model", step.done, step.total, detail)
    if folder:
        model.save(folder, {SEEN_FILE: _npy(_keys(texts))})
    if work and work.exists():
        work.rmdir()
    return model


def kept_model(folder: Path, texts: Sequence[str], base: LanguageModel | None = None) -> LanguageModel | None:
    """The model in `folder`, if there is one that has seen enough of these texts.

    One that is damaged, or that started from another pretrained model than `base`, does not count.
    """
    try:
        model = LanguageModel.load(folder)
    except LanguageModelUnusable:
        return None
    if base and model.card.base != base.card.files:
        return None
    seen = np.load(folder / SEEN_FILE, allow_pickle=False)
    is_new = ~np.isin(_keys(texts), seen)
    return model if is_new.mean() <= CHANGED_ENOUGH else None


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
