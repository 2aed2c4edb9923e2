"""The cost of `ulmfit.v1`: what is read once for all folds, and in each fold a teacher and its classifiers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firstline.evaluation.serving_cost import resident_bytes
from firstline.language_models.adapt import AdaptSettings, batches_of, require_pool
from firstline.language_models.installed import resolve as resolve_language
from firstline.language_models.model import LanguageModel
from firstline.language_models.network import Shape
from firstline.language_models.reading import encode
from firstline.language_models.start import OWN_SHAPE, n_own_pieces, own_tokenizer
from firstline.language_models.workspace_model import is_fresh, kept_model
from firstline.processes import n_usable_cores
from firstline.text.readings import as_written
from firstline.training.candidates.encoder.kept import MOST
from firstline.training.candidates.lessons import readers
from firstline.training.candidates.ulmfit.candidate import for_as_many
from firstline.training.candidates.ulmfit.classifier import ClassifierSettings
from firstline.training.candidates.ulmfit.speed import classifier_speed, language_model_speed
from firstline.training.costs.base import Cost, Workload, drawn
from firstline.training.costs.counting import N_TEXTS, texts_of
from firstline.training.costs.encoders import kept_bytes, tuning_s
from firstline.training.costs.lessons import LessonsCost
from firstline.training.costs.vectors import VectorsCost
from firstline.training.encoders import resolve as resolve_encoder
from firstline.training.encoders.base import Encoder
from firstline.training.encoders.folder import FolderEncoder

_ENOUGH_MESSAGES = 5_000
_LEAST_UNLABELLED = 1_000
"""With 300 it was worse than counting words, with 1,000 as good, with 6,000 better: docs/EXPERIMENTS.md."""
_EXPERT = "encoder.v1"
# Weights, gradients, two moments of the optimiser, and the best so far; what a process with PyTorch takes empty.
_WEIGHT_COPIES, _PROCESS_BYTES = 5, 500_000_000


@dataclass(frozen=True)
class _Reading:
    """The language model of a direction; `lengths` of some messages in its tokens; whether it is kept, up to date."""

    shape: Shape
    n_tokens: int
    lengths: list[int]
    is_adapted: bool

    @property
    def n_parameters(self) -> int:
        return self.shape.n_parameters(self.n_tokens)


class UlmfitCost:
    """Of `ulmfit.v1`. An adaptation may stop earlier than the settings allow, so this is the most that it takes."""

    def judge(self, workload: Workload) -> tuple[bool, str]:
        texts = texts_of(workload, workload.everything)
        require_pool(texts)
        if (n_unlabelled := len(workload.data.unlabelled)) < _LEAST_UNLABELLED:
            return False, (
                f"there are {n_unlabelled:,} messages without a label to learn from: below {_LEAST_UNLABELLED:,},"
                " counting words does as well"
            )
        settings = workload.context.ulmfit
        language = resolve_language(settings.language_model, workload.context.language, settings.directions)
        if language is None and len(texts) < _ENOUGH_MESSAGES:
            return False, (
                f"the pool is too small: from {len(texts):,} messages a language model learns no language"
                f" ({_ENOUGH_MESSAGES:,} would do), and no pretrained one is installed"
            )
        if _encoder(workload) is None:
            return True, "reads all messages; a sentence encoder (extra 'encoders') would make it better"
        shared = ", the one of encoder.v1 too" if _is_expert_there(workload) else ""
        return True, f"reads all messages, with a sentence encoder to teach it{shared}"

    def measure(self, workload: Workload) -> Cost:
        texts = texts_of(workload, workload.prepared)
        require_pool(texts)
        directions = workload.context.ulmfit.directions
        n_at_once = min(len(directions), n_usable_cores())
        n_in_turn = -(-len(directions) // n_at_once)
        reading = _reading(workload, texts)
        lessons = LessonsCost.of(workload, _encoder(workload))
        expert_s, expert_bytes = _expert(workload)
        learning_s = n_in_turn * _learning_s(workload, reading, len(texts), max(1, n_usable_cores() // n_at_once))
        weights_bytes = 4 * reading.n_parameters
        memory = resident_bytes() + n_at_once * (_PROCESS_BYTES + _WEIGHT_COPIES * weights_bytes) + lessons.memory_bytes
        # Kept in float16, served in int8.
        disk = len(directions) * (weights_bytes // 2 + weights_bytes // 4) + lessons.disk_bytes + expert_bytes
        teaching_s = lessons.reading_s + lessons.fold_s * len(workload.learned) + expert_s
        return Cost(teaching_s + learning_s, memory, disk)


def _encoder(workload: Workload) -> Encoder | None:
    context = workload.context
    return resolve_encoder(context.ulmfit.encoder, context.workspace, context.encoders)


def _reading(workload: Workload, texts: Sequence[str]) -> _Reading:
    """Of the model that is kept, of the pretrained one, or of one that would be made from the messages."""
    context = workload.context
    settings = context.ulmfit
    direction = settings.directions[0]
    sample = [texts[place] for place in drawn(texts, N_TEXTS, context.seed)]
    folder = context.folder / direction if context.folder else None
    model = kept_model(folder, context.language, context.rules) if folder else None
    is_adapted = bool(folder and model and is_fresh(folder, model, texts, _adapt_settings(workload)))
    if not is_adapted:
        language = resolve_language(settings.language_model, context.language, settings.directions)
        model = LanguageModel.load(language.folders[direction]) if language else None
    if model:
        tokenizer, shape, n_tokens = model.tokenizer, model.shape, model.tokenizer.n_tokens
    else:
        tokenizer, shape = own_tokenizer([text for text in sample if text]), OWN_SHAPE
        n_tokens = max(tokenizer.n_tokens, n_own_pieces(sum(map(len, texts))))
    return _Reading(shape, n_tokens, [len(row) for row in encode(tokenizer, sample, direction)], is_adapted)


def _adapt_settings(workload: Workload) -> AdaptSettings:
    encoders = readers(workload.context, _encoder(workload))
    return AdaptSettings(
        n_epochs=workload.context.ulmfit.adaptation_epochs,
        vectors="+".join(["lsa", *(encoder.name for encoder in encoders)]),
        seed=workload.context.seed,
    )


def _learning_s(workload: Workload, reading: _Reading, n_texts: int, n_threads: int) -> float:
    """The seconds of one direction: the adaptation where it is due, and the classifiers of all folds."""
    mean_length = float(np.mean(reading.lengths))
    adapt = _adapt_settings(workload)
    seconds = 0.0
    if not reading.is_adapted and adapt.n_epochs:
        max_rows, n_epochs = batches_of(n_texts, np.array(reading.lengths, np.int64), adapt)
        speed = language_model_speed(reading.shape, reading.n_tokens, reading.lengths, max_rows, n_threads)
        seconds += n_epochs * n_texts * mean_length / speed
    chosen = ClassifierSettings(**workload.context.chosen_for("ulmfit.v1"))
    classes = for_as_many(chosen, n_texts)
    speed = classifier_speed(
        reading.shape, reading.n_tokens, workload.n_classes, reading.lengths, classes.max_rows, n_threads
    )
    for n_labelled in workload.learned:
        n_rows = len(workload.data.unlabelled) + int(n_labelled * classes.copies)
        n_read = chosen.n_members * for_as_many(chosen, n_rows).n_epochs * n_rows
        seconds += n_read * mean_length / speed
    return seconds


def _expert(workload: Workload) -> tuple[float, int]:
    """Of the encoders that are fine-tuned as experts in all folds: their seconds, with their answers, and their disk.

    Those that `encoder.v1` has fine-tuned before are there already.
    """
    context, unlabelled = workload.context, workload.data.unlabelled
    encoder = _encoder(workload)
    if not (unlabelled and context.ulmfit.tuned_encoder and isinstance(encoder, FolderEncoder)):
        return 0.0, 0
    texts = [as_written(message.text, message.segment) for message in unlabelled]
    answers = VectorsCost.of(texts, encoder, None, context.seed)
    answers_s = len(workload.learned) * answers.seconds / n_usable_cores()
    if _is_expert_there(workload):
        return answers_s, 0
    return answers_s + tuning_s(workload, encoder), kept_bytes(workload, encoder)


def _is_expert_there(workload: Workload) -> bool:
    """Whether `encoder.v1` has fine-tuned the same encoder before, and all of them are kept."""
    context = workload.context
    own = resolve_encoder(context.encoder.name, context.workspace, context.encoders)
    teaching = _encoder(workload)
    is_same = own is not None and teaching is not None and own.name == teaching.name
    return is_same and _EXPERT in workload.before and len(workload.learned) <= MOST
