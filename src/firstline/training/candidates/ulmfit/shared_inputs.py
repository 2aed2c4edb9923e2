"""What all trainings of a workspace share: it comes from the messages and the names of classes, not from labels."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.language_models.adapt import require_pool
from firstline.language_models.adaptation import Adaptation, adapted_models, installed_models
from firstline.language_models.model import LanguageModel
from firstline.language_models.reading import encode
from firstline.steps import Stage
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
    `adapted_models`, `vectors_of` and `installed_models` raise.
    """
    messages = list(dict.fromkeys(messages))
    texts = [context.rules.with_segment(message.text, message.segment) for message in messages]
    require_pool(texts)
    chosen = settings_of(context)
    encoder = find_encoder(chosen.encoder, context.workspace, context.encoders)
    how = Adaptation(
        context.folder,
        context.language,
        context.rules,
        chosen.directions,
        chosen.language_model,
        chosen.adaptation_epochs,
        context.seed,
        is_forced,
    )
    bases = installed_models(how) if bases is None else bases
    pool_features = yield from gather_pool_features(context, messages, encoder)
    meaning = np.hstack(list(pool_features.vectors.values()))
    models = adapted_models(how, texts, meaning, "+".join(pool_features.vectors), bases, context.report)
    return SharedInputs(
        language_models=tuple(models),
        rows={model.card.direction: encode(model.tokenizer, texts, model.card.direction) for model in models},
        pool_features=pool_features,
    )
