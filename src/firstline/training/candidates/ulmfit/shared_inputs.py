"""What all trainings of a workspace share: it comes from the messages and the names of classes, not from labels."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstline.language_models.adapt import AdaptSettings, require_pool
from firstline.language_models.card import read_card
from firstline.language_models.installed import Language, find_language
from firstline.language_models.model import LanguageModel
from firstline.language_models.reading import encode
from firstline.language_models.workspace_model import adapted_model, kept_model, tokenizer_for
from firstline.neural.side_by_side import Report, run_side_by_side
from firstline.steps import Stage, run_to_end
from firstline.text.tokenizer import MODEL_FILE
from firstline.training.candidates.base import Context
from firstline.training.candidates.pool_features import PoolFeatures, gather_pool_features
from firstline.training.candidates.ulmfit.settings import settings_of
from firstline.training.encoders import find_encoder
from firstline.types import Direction, Message


@dataclass(frozen=True)
class SharedInputs:
    """Language models, one a direction; what they, by direction, and a teacher read of every message.

    `rows` are the ids of messages, in the order of the pool features.
    """

    language_models: tuple[LanguageModel, ...]
    rows: Mapping[Direction, Sequence[NDArray[np.int64]]]
    pool_features: PoolFeatures

    def rows_of(self, messages: Sequence[Message], direction: Direction) -> list[NDArray[np.int64]]:
        rows = self.rows[direction]
        return [rows[place] for place in self.pool_features.places_of(messages)]


def gather(
    context: Context,
    messages: Sequence[Message],
    bases: Mapping[str, LanguageModel] | None = None,
    is_forced: bool = False,
) -> Generator[Stage, None, SharedInputs]:
    """Compute what the teacher reads, and adapt the language models where they are not adapted yet.

    `bases` are pretrained models by direction; None: those that the settings name. Raises what
    `adapted_model`, `vectors_of` and `find_language` raise.
    """
    messages = list(dict.fromkeys(messages))
    texts = [context.rules.with_segment(message.text, message.segment) for message in messages]
    require_pool(texts)
    encoder = find_encoder(settings_of(context).encoder, context.workspace, context.encoders)
    if bases is None:
        bases = _installed_models(context, is_forced)
    pool_features = yield from gather_pool_features(context, messages, encoder)
    meaning = np.hstack(list(pool_features.vectors.values()))
    models = _language_models(context, texts, meaning, "+".join(pool_features.vectors), bases, is_forced)
    return SharedInputs(
        language_models=tuple(models),
        rows={model.card.direction: encode(model.tokenizer, texts, model.card.direction) for model in models},
        pool_features=pool_features,
    )


def _language_models(
    context: Context,
    texts: Sequence[str],
    meaning: NDArray[np.float32],
    vectors: str,
    bases: Mapping[str, LanguageModel],
    is_forced: bool,
) -> list[LanguageModel]:
    """One for each direction, side by side; all have the tokenizer of the first. `vectors` names what `meaning` is."""
    chosen = settings_of(context)
    first = chosen.directions[0]
    folder = context.folder / first if context.folder else None
    settings = AdaptSettings(n_epochs=chosen.adaptation_epochs, vectors=vectors, seed=context.seed)
    tokenizer = tokenizer_for(folder, texts, context.language, context.rules, settings, bases.get(first), is_forced)
    jobs = [
        partial(
            _run,
            partial(
                adapted_model,
                context.folder / direction if context.folder else None,
                texts,
                meaning,
                context.language,
                context.rules,
                direction,
                settings,
                base=bases.get(direction),
                is_forced=is_forced,
                tokenizer=tokenizer,
            ),
        )
        for direction in chosen.directions
    ]
    return run_side_by_side(jobs, context.report)


def _run(start: Callable[[], Generator[Stage, None, LanguageModel]], report: Report) -> LanguageModel:
    return run_to_end(start(), report)


def _installed_models(context: Context, is_forced: bool) -> dict[str, LanguageModel]:
    """What to start from: none where kept models are good to go on from, whichever pretrained ones they came from."""
    chosen = settings_of(context)
    directions = chosen.directions
    language = find_language(chosen.language_model, context.language, directions)
    if language is None or (not is_forced and _can_go_on(context, language)):
        return {}
    return {direction: LanguageModel.load(language.folders[direction]) for direction in directions}


def _can_go_on(context: Context, installed: Language) -> bool:
    """Whether a whole model is kept for each direction, and all came from pretrained ones that belong together.

    What came from the installed ones must have read as often as is asked for now: the same settings give the
    same, whatever they were before. What came from others has nothing else to begin with.
    """
    folder, settings = context.folder, settings_of(context)
    if folder is None:
        return False
    kept = [kept_model(folder / direction, context.language, context.rules) for direction in settings.directions]
    cards = [model.card for model in kept if model and model.card.base]
    if len(cards) < len(kept) or len({card.base.get(MODEL_FILE) for card in cards}) > 1:
        return False
    if all(card.settings.get("n_epochs") == settings.adaptation_epochs for card in cards):
        return True
    return any(card.base != read_card(installed.folders[card.direction]).files for card in cards)
