"""What all trainings of a workspace share: it comes from the messages alone, not from their labels."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from firstline.training.candidates.base import Context, Stage
from firstline.training.candidates.regression import Features
from firstline.training.candidates.ulmfit.adapt import AdaptSettings
from firstline.training.candidates.ulmfit.adapted import adapted_model
from firstline.training.candidates.ulmfit.language_model import LanguageModel
from firstline.training.candidates.ulmfit.teacher import latent_vectors, tfidf_features
from firstline.training.sentence_vectors import resolve, vectors_of
from firstline.types import Message


@dataclass(frozen=True)
class Knowledge:
    """Language models, one a direction; the teacher's features of every message, a row each, by `place`."""

    language_models: tuple[LanguageModel, ...]
    place: Mapping[Message, int]
    features: Mapping[str, Features]

    def covers(self, messages: Sequence[Message]) -> bool:
        return all(message in self.place for message in messages)

    def features_of(self, messages: Sequence[Message]) -> dict[str, Features]:
        """The rows of these messages, by kind of features."""
        places = np.array([self.place[message] for message in messages], np.int64)
        return {kind: values[places] for kind, values in self.features.items()}


def gather(
    context: Context,
    messages: Sequence[Message],
    bases: Mapping[str, LanguageModel] | None = None,
    is_forced: bool = False,
) -> Generator[Stage, None, Knowledge]:
    """Compute what the teacher reads, and adapt the language models where they are not adapted yet.

    `bases` are pretrained models by direction. Raises what `adapted_model` and `vectors_of` raise.
    """
    messages = list(dict.fromkeys(messages))
    texts = [context.rules.with_segment(message.text, message.segment) for message in messages]
    yield Stage("reading for the teacher", 0, 1)
    tfidf = tfidf_features(texts)
    vectors = {"lsa": latent_vectors(tfidf, context.seed)}
    encoder = resolve(context.ulmfit.encoder)
    if encoder:
        steps = vectors_of([message.text for message in messages], encoder, _vectors_folder(context))
        while True:
            try:
                done, total = next(steps)
            except StopIteration as end:
                vectors[encoder] = end.value
                break
            yield Stage(f"sentence vectors by {encoder}", done, total)
    meaning = np.hstack(list(vectors.values()))
    models = []
    for direction in context.ulmfit.directions:
        model = yield from adapted_model(
            context.folder / direction if context.folder else None,
            texts,
            meaning,
            context.language,
            context.rules,
            direction,
            AdaptSettings(seed=context.seed),
            base=(bases or {}).get(direction),
            is_forced=is_forced,
        )
        models.append(model)
    places = {message: place for place, message in enumerate(messages)}
    return Knowledge(tuple(models), places, {"tfidf": tfidf, **vectors})


def _vectors_folder(context: Context) -> Path | None:
    return context.folder / "vectors" if context.folder else None
