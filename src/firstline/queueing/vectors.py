"""The vectors that the queue reads: of the workspace's sentence encoder, or of counted words if it has none."""

from collections.abc import Generator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from firstline.steps import Stage, each_as
from firstline.text.readings import as_written
from firstline.training.candidates.base import Context
from firstline.training.candidates.latent import latent_vectors
from firstline.training.candidates.teacher import tfidf_features
from firstline.training.encoders import find_encoder
from firstline.training.encoders.vectors import vectors_of
from firstline.types import Message


def queue_vectors(
    context: Context, messages: Sequence[Message], named: Sequence[str] = ()
) -> Generator[Stage, None, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Unit vectors of messages around their mean, (n_messages, n_dimensions), and of `named`.

    `named` are names and sentences of classes; their vectors, (n_named, n_dimensions), lie around the mean of the
    messages. There must be at least one message. Raises what `find_encoder` and `vectors_of` raise.
    """
    texts = [(message.text, message.segment) for message in messages] + [(text, None) for text in named]
    encoder = find_encoder(context.encoder.name, context.workspace, context.encoders)
    if encoder is None:
        yield Stage("counting words", 0, 1)
        features = tfidf_features([context.rules.with_segment(*text) for text in texts])
        # Around their mean as well: the first component is what all messages share.
        found = latent_vectors(features, context.seed)
    else:
        steps = vectors_of([as_written(*text) for text in texts], encoder, context.vectors)
        found = yield from each_as(steps, partial(_stage, f"sentence vectors by {encoder.name}"))
    found = found - found[: len(messages)].mean(axis=0)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    return found[: len(messages)], found[len(messages) :]


def _stage(what: str, step: tuple[int, int]) -> Stage:
    return Stage(what, *step)
