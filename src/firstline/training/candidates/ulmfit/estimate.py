"""Whether `ulmfit.v1` makes sense, and what it would take: a few batches of a classifier, times all it reads."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from firstline.evaluation.serving_cost import resident_bytes
from firstline.language_models.adapt import AdaptSettings, adapt, batches_of, require_pool
from firstline.language_models.installed import find_language
from firstline.language_models.model import LanguageModel
from firstline.language_models.reading import encode
from firstline.language_models.workspace_model import is_fresh, kept_model
from firstline.processes import n_usable_cores
from firstline.steps import run_to_end
from firstline.text.readings import as_written
from firstline.training.candidates.encoder.candidate import FineTuned
from firstline.training.candidates.estimate import (
    Eligible,
    Estimate,
    Workload,
    clocked,
    encoding,
    side_by_side,
)
from firstline.training.candidates.latent import some
from firstline.training.candidates.pool_features import readers, teaching
from firstline.training.candidates.ulmfit.classifier import train_classifier
from firstline.training.candidates.ulmfit.settings import settings_of
from firstline.training.encoders import find_encoder
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.folder import FolderEncoder

_ENOUGH_MESSAGES = 5_000
_LEAST_UNLABELLED = 1_000
"""With 300 it was worse than counting words, with 1,000 as good, with 6,000 better: docs/EXPERIMENTS.md."""
_N_TEXTS, _N_BATCHES, _N_DIMENSIONS = 2_560, 5, 32
"""Enough texts for batches of the full size; batches that are measured; numbers of a made-up vector."""
_ADAPTATION = 2.2
"""How many times longer a token takes in an adaptation: 2.0 with 3,000 pieces, 2.3 with 16,000."""
_WEIGHT_COPIES, _PROCESS_BYTES = 5, 500_000_000
"""Weights, gradients, two moments and the best so far; memory of an empty process with PyTorch."""


def eligible(workload: Workload) -> Eligible:
    """If the pool is large enough to learn from. Raises `PoolTooSmall`."""
    context, settings = workload.context, settings_of(workload.context)
    texts = workload.texts(workload.everything)
    require_pool(texts)
    if (n_unlabelled := len(workload.data.unlabelled)) < _LEAST_UNLABELLED:
        return False, (
            f"has only {n_unlabelled:,} unlabelled messages to learn from; below {_LEAST_UNLABELLED:,},"
            " counting words does as well"
        )
    language = find_language(settings.language_model, context.language, settings.directions)
    if language is None and len(texts) < _ENOUGH_MESSAGES:
        return False, (
            f"cannot learn a language from {len(texts):,} messages ({_ENOUGH_MESSAGES:,} would be enough), and no"
            " pretrained language model is installed"
        )
    if _encoder(workload) is None:
        return True, "reads all messages; a sentence encoder (extra 'encoders') would make it better"
    shared = f", the one of {FineTuned.name} too" if FineTuned.name in workload.before else ""
    return True, f"reads all messages, with a sentence encoder to teach it{shared}"


def estimate(workload: Workload) -> Estimate:
    """The most that it takes: an adaptation may stop earlier than the settings allow. Raises `PoolTooSmall`."""
    settings = settings_of(workload.context)
    texts = workload.texts(workload.prepared)
    require_pool(texts)
    n_cores = n_usable_cores()
    n_directions = len(settings.directions)
    n_at_once = min(n_directions, n_cores)
    sample = some(texts, _N_TEXTS, workload.context.seed)
    model, is_adapted = _language_model(workload, texts, sample)
    rows = encode(model.tokenizer, sample, model.card.direction)
    token_s = _token_s(workload, model, rows)
    lengths = np.array([len(row) for row in rows], np.int64)
    _, n_epochs = batches_of(len(texts), lengths, _adapting(workload))
    n_read = 0.0 if is_adapted else _ADAPTATION * n_epochs * len(texts)
    n_unlabelled = len(workload.data.unlabelled)
    for n_labelled in workload.learned:
        n_epochs = settings.for_as_many(n_unlabelled + round(n_labelled * settings.copies)).n_epochs
        n_read += settings.n_members * n_epochs * (n_unlabelled + n_labelled * settings.copies)
    networks_s = token_s * float(lengths.mean()) * n_read / side_by_side(max(1, n_cores // n_at_once))
    parts = [teaching(workload, _encoder(workload)), _expert(workload)]
    weights_bytes = 4 * model.shape.n_parameters(model.tokenizer.n_tokens)
    memory = resident_bytes() + n_at_once * (_PROCESS_BYTES + _WEIGHT_COPIES * weights_bytes)
    # Kept in float16, served in int8.
    disk = n_directions * (weights_bytes // 2 + weights_bytes // 4)
    return Estimate(
        -(-n_directions // n_at_once) * networks_s + sum(part.seconds for part in parts),
        memory + max(part.memory_bytes for part in parts),
        disk + sum(part.disk_bytes for part in parts),
    )


def _language_model(workload: Workload, texts: Sequence[str], sample: Sequence[str]) -> tuple[LanguageModel, bool]:
    """A model of the first direction, as large as the one that will be adapted; whether it is adapted already."""
    context, settings = workload.context, settings_of(workload.context)
    direction = settings.directions[0]
    folder = context.folder / direction if context.folder else None
    kept = kept_model(folder, context.language, context.rules) if folder else None
    if folder and kept and is_fresh(folder, kept, texts, _adapting(workload)):
        return kept, True
    if language := find_language(settings.language_model, context.language, settings.directions):
        return LanguageModel.load(language.folders[direction]), False
    meaning = np.random.default_rng(0).standard_normal((len(sample), _N_DIMENSIONS)).astype(np.float32)
    as_it_starts = replace(_adapting(workload), n_epochs=0)
    steps = adapt(None, sample, meaning, context.language, context.rules, direction, as_it_starts)
    return run_to_end(steps), False


def _adapting(workload: Workload) -> AdaptSettings:
    vectors = ["lsa", *(reader.name for reader in readers(workload.context, _encoder(workload)))]
    return AdaptSettings(settings_of(workload.context).adaptation_epochs, vectors="+".join(vectors))


def _token_s(workload: Workload, model: LanguageModel, rows: Sequence[NDArray[np.int64]]) -> float:
    """The seconds that a classifier takes for one token, on one thread."""
    n_classes, settings = workload.n_classes, settings_of(workload.context)
    planned = settings.for_as_many(len(workload.data.unlabelled) + workload.n_labelled)
    rows = rows[: _N_BATCHES * planned.max_rows]
    even = np.full((len(rows) - 1, n_classes), 1 / n_classes, np.float32)
    once = replace(planned, n_epochs=1, copies=1)
    steps = train_classifier(model, rows, np.zeros(1, np.int64), n_classes, even, once, workload.context.seed)
    seconds, done = clocked(lambda: next(steps))
    return seconds / done.n_tokens


def _encoder(workload: Workload) -> Encoder | None:
    context = workload.context
    return find_encoder(settings_of(context).encoder, context.workspace, context.encoders)


def _expert(workload: Workload) -> Estimate:
    """Of the encoders that are fine-tuned as experts, and their answers; `encoder.v1` leaves those that it tuned."""
    context, unlabelled = workload.context, workload.data.unlabelled
    encoder = _encoder(workload)
    if not (unlabelled and settings_of(context).tuned_encoder and isinstance(encoder, FolderEncoder)):
        return Estimate(0.0, 0, 0)
    texts = [as_written(message.text, message.segment) for message in unlabelled]
    answers_s = encoding(texts, encoder, context, is_kept=False).seconds / side_by_side() * len(workload.learned)
    is_tuned = FineTuned.name in workload.before
    tuning = Estimate(0.0, 0, 0) if is_tuned else FineTuned.tuning(workload, encoder)
    return replace(tuning, seconds=answers_s + tuning.seconds)
