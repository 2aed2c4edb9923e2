"""Whether `ulmfit.v1` makes sense, and what it would take: some batches of its networks, times those planned."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

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
from firstline.training.candidates.encoder.tuned_cache import MOST
from firstline.training.candidates.estimate import (
    Eligible,
    Estimate,
    Workload,
    drawn,
    encoding,
    one_thread,
    processor_s,
    side_by_side,
)
from firstline.training.candidates.pool_features import readers, teaching
from firstline.training.candidates.ulmfit.classifier import train_classifier
from firstline.training.candidates.ulmfit.settings import ClassifierSettings, settings_of
from firstline.training.encoders import find_encoder
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.folder import FolderEncoder

_ENOUGH_MESSAGES = 5_000
_LEAST_UNLABELLED = 1_000
"""With 300 it was worse than counting words, with 1,000 as good, with 6,000 better: docs/EXPERIMENTS.md."""
_N_TEXTS, _N_BATCHES, _N_DIMENSIONS = 2_560, 5, 32
"""Enough texts for batches of the full size; batches of a classifier that are measured; numbers of a made-up vector."""
_WEIGHT_COPIES, _PROCESS_BYTES, _PROCESS_S = 5, 500_000_000, 6.0
"""Weights, gradients, two moments and the best so far; memory of an empty process with PyTorch, and its start."""


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
    shared = f", also the one that {FineTuned.name} tunes" if _is_expert_there(workload) else ""
    return True, f"reads all messages, with a sentence encoder as its teacher{shared}"


def estimate(workload: Workload, planned: Callable[[int], ClassifierSettings]) -> Estimate:
    """The most that it takes: an adaptation may stop earlier than the settings allow.

    `planned` tells how a classifier of so many messages is trained. Raises `PoolTooSmall`.
    """
    texts = workload.texts(workload.prepared)
    require_pool(texts)
    directions = settings_of(workload.context).directions
    n_cores = n_usable_cores()
    n_at_once = min(len(directions), n_cores)
    n_in_turn = -(-len(directions) // n_at_once)
    sample = [texts[place] for place in drawn(texts, _N_TEXTS, workload.context.seed)]
    with one_thread():
        model, adaptation_s = _adapted(workload, texts, sample)
        lengths = [len(row) for row in encode(model.tokenizer, sample, model.card.direction)]
        classifiers_s = _classifiers_s(workload, model, sample, planned) * float(np.mean(lengths))
    networks_s = n_in_turn * (adaptation_s + classifiers_s) / side_by_side(max(1, n_cores // n_at_once))
    if n_cores > 1:
        networks_s += n_in_turn * planned(len(texts)).n_members * len(workload.learned) * _PROCESS_S
    parts = [teaching(workload, _encoder(workload)), _expert(workload)]
    weights_bytes = 4 * model.shape.n_parameters(model.tokenizer.n_tokens)
    memory = resident_bytes() + n_at_once * (_PROCESS_BYTES + _WEIGHT_COPIES * weights_bytes)
    # Kept in float16, served in int8.
    disk = len(directions) * (weights_bytes // 2 + weights_bytes // 4)
    return Estimate(
        networks_s + sum(part.seconds for part in parts),
        memory + max(part.memory_bytes for part in parts),
        disk + sum(part.disk_bytes for part in parts),
    )


def _adapted(workload: Workload, texts: Sequence[str], sample: Sequence[str]) -> tuple[LanguageModel, float]:
    """A language model of the first direction, and the seconds that adapting it on one thread would take.

    None if the workspace has one that is up to date. Otherwise some rounds are trained on the sample; the first warms
    up. Meanings of messages are made up: they take the same time.
    """
    context, settings = workload.context, settings_of(workload.context)
    direction = settings.directions[0]
    folder = context.folder / direction if context.folder else None
    adapting = AdaptSettings(
        n_epochs=settings.adaptation_epochs,
        vectors="+".join(["lsa", *(reader.name for reader in readers(context, _encoder(workload)))]),
        seed=context.seed,
    )
    kept = kept_model(folder, context.language, context.rules) if folder else None
    if folder and kept and is_fresh(folder, kept, texts, adapting):
        return kept, 0.0
    language = find_language(settings.language_model, context.language, settings.directions)
    base = LanguageModel.load(language.folders[direction]) if language else None
    meaning = np.random.default_rng(0).standard_normal((len(sample), _N_DIMENSIONS)).astype(np.float32)
    where = context.language, context.rules, direction
    model = run_to_end(adapt(base, sample, meaning, *where, replace(adapting, n_epochs=0)))
    if not adapting.n_epochs:
        return model, 0.0
    steps = adapt(base, sample, meaning, *where, adapting)
    next(steps)
    started = processor_s()
    rounds = list(islice(steps, 2))
    token_s = (processor_s() - started) / sum(done.n_tokens for done in rounds)
    steps.close()
    lengths = np.array([len(row) for row in encode(model.tokenizer, sample, direction)], np.int64)
    _, n_epochs = batches_of(len(texts), lengths, adapting)
    return model, token_s * n_epochs * len(texts) * float(lengths.mean())


def _classifiers_s(
    workload: Workload, model: LanguageModel, sample: Sequence[str], planned: Callable[[int], ClassifierSettings]
) -> float:
    """The seconds of one direction's classifiers in all trainings, on one thread, if each message were one token."""
    n_unlabelled = len(workload.data.unlabelled)
    settings = planned(n_unlabelled + workload.n_labelled)
    rows = encode(model.tokenizer, sample, model.card.direction)[: _N_BATCHES * settings.max_rows]
    labels: NDArray[np.int64] = np.zeros(1, np.int64)
    even = np.full((len(rows) - 1, workload.n_classes), 1 / workload.n_classes, np.float32)
    once = replace(settings, n_epochs=1, copies=1)
    started = processor_s()
    done = next(train_classifier(model, rows, labels, workload.n_classes, even, once, workload.context.seed))
    token_s = (processor_s() - started) / done.n_tokens
    n_rows = [n_unlabelled + round(n_labelled * settings.copies) for n_labelled in workload.learned]
    return token_s * settings.n_members * sum(planned(n).n_epochs * n for n in n_rows)


def _encoder(workload: Workload) -> Encoder | None:
    context = workload.context
    return find_encoder(settings_of(context).encoder, context.workspace, context.encoders)


def _expert(workload: Workload) -> Estimate:
    """Of the encoders that are fine-tuned as experts, and their answers; those fine-tuned before are there already."""
    context, unlabelled = workload.context, workload.data.unlabelled
    encoder = _encoder(workload)
    if not (unlabelled and settings_of(context).tuned_encoder and isinstance(encoder, FolderEncoder)):
        return Estimate(0.0, 0, 0)
    texts = [as_written(message.text, message.segment) for message in unlabelled]
    answers_s = encoding(texts, encoder, context, is_kept=False).seconds / side_by_side() * len(workload.learned)
    if _is_expert_there(workload):
        return Estimate(answers_s, 0, 0)
    tuning = FineTuned.tuning(workload, encoder)
    return replace(tuning, seconds=answers_s + tuning.seconds)


def _is_expert_there(workload: Workload) -> bool:
    """Whether the same encoder has been fine-tuned before, and all of them are kept."""
    context = workload.context
    own = find_encoder(context.encoder.name, context.workspace, context.encoders)
    teaching_one = _encoder(workload)
    is_same = own is not None and teaching_one is not None and own.name == teaching_one.name
    return is_same and FineTuned.name in workload.before and len(workload.learned) <= MOST
