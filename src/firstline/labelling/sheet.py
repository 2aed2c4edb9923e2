"""Which messages without a label a sheet has: those that teach a model most come first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine

from firstline.bundle.predictor import Predictor
from firstline.labelling.uncertainty import margins
from firstline.messages.exports.written import MOST_SUGGESTED, Row
from firstline.store.exported import read_by_ids
from firstline.store.to_label import OpenMessage, drawn, queued

_MOST_READ = 5_000
"""Of more messages, as many are drawn at random for the model to answer, so that the slowest takes a minute."""
_AT_ONCE = 500


@dataclass(frozen=True)
class Chosen:
    """The rows of a sheet, and how many of them each source gave: the queue, the model, or chance."""

    rows: list[Row]
    n_queued: int
    n_unsure: int
    n_random: int


def choose(engine: Engine, n: int, load: Callable[[], Predictor | None]) -> Chosen:
    """At most `n` messages: first those of the queue, then those that the model is least sure about.

    `load` gives the model; without one, the rest is drawn at random. Raises `StoreUnusable` and `BundleError`.
    """
    with engine.connect() as connection:
        first = queued(connection, n)
    n_left = n - len(first)
    predictor = load() if n_left else None
    rest: list[OpenMessage] = []
    if n_left:
        n_read = n_left if predictor is None else max(_MOST_READ, n_left)
        with engine.connect() as connection:
            rest = drawn(connection, n_read, [one.id for one in first])
    if predictor is not None:
        rest = _least_sure(predictor, rest)[:n_left]
    chosen = [*first, *rest]
    with engine.connect() as connection:
        stored = read_by_ids(connection, [one.id for one in chosen])
    return Chosen(
        [Row(stored[one.id], one.guesses) for one in chosen if one.id in stored],
        n_queued=len(first),
        n_unsure=len(rest) if predictor is not None else 0,
        n_random=len(rest) if predictor is None else 0,
    )


def _least_sure(predictor: Predictor, read: Sequence[OpenMessage]) -> list[OpenMessage]:
    """The messages with the model's likeliest classes, least sure first."""
    labels = predictor.manifest.labels
    judged: list[tuple[float, OpenMessage]] = []
    for start in range(0, len(read), _AT_ONCE):
        part = read[start : start + _AT_ONCE]
        probabilities = predictor.predict_proba([one.message for one in part])
        best = np.argsort(-probabilities, axis=1, kind="stable")[:, :MOST_SUGGESTED].tolist()
        apart = margins(probabilities) if len(labels) > 1 else np.zeros(len(part))
        for one, margin, order, row in zip(part, apart.tolist(), best, probabilities.tolist(), strict=True):
            guesses = tuple((labels[column], row[column]) for column in order)
            judged.append((margin, OpenMessage(one.id, one.message, guesses)))
    return [one for _, one in sorted(judged, key=lambda pair: pair[0])]
