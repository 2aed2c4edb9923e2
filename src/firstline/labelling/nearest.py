"""The labelled messages that are most like a message."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firstline.store.labelled import LabelledMessage
from firstline.store.messages import StoredMessage
from firstline.types import Label, Message

MOST_NEIGHBOURS = 3
_AT_ONCE = 64
_DIGITS = 4
"""Similarities are rounded to these, so that a tie is one on every machine."""

Vectors = Callable[[Sequence[Message]], NDArray[np.float32]]
"""Messages to unit vectors, (n_messages, n_dimensions): `Predictor.vectors`."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled message; `similarity` is a cosine, 0 to 1, higher is more alike; below 0 counts as 0."""

    external_id: str | None
    label: Label
    similarity: float


class Neighbours:
    """Finds the nearest of some labelled messages, whose vectors it computes once."""

    def __init__(self, vectors: Vectors, labelled: Sequence[LabelledMessage]) -> None:
        self._vectors = vectors
        self._labelled = labelled
        self._place = {one.key: place for place, one in enumerate(labelled)}
        messages = [one.message for one in labelled]
        parts = [vectors(messages[start : start + _AT_ONCE]) for start in range(0, len(messages), _AT_ONCE)]
        self._known = np.concatenate(parts) if parts else np.empty((0, 0), np.float32)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the labelled messages."""
        return hashlib.sha256(
            repr([(one.key, one.external_id, one.label) for one in self._labelled]).encode()
        ).hexdigest()

    def nearest(self, messages: Sequence[Message]) -> Iterator[list[Neighbour]]:
        """For each message its at most `MOST_NEIGHBOURS` nearest, the most alike first; never the message itself.

        Ties keep the order of the labelled messages.
        """
        for start in range(0, len(messages), _AT_ONCE):
            part = messages[start : start + _AT_ONCE]
            if not self._labelled:
                yield from ([] for _ in part)
                continue
            similarities = np.round(np.maximum(self._vectors(part) @ self._known.T, 0), _DIGITS)
            for message, row in zip(part, similarities, strict=True):
                yield self._of(message, row)

    def _of(self, message: Message, similarities: NDArray[np.float32]) -> list[Neighbour]:
        own = self._place.get(StoredMessage(message.text, message.segment).key)
        # One more than is shown, since one may be the message itself.
        wanted = min(MOST_NEIGHBOURS + 1, len(similarities))
        least = np.partition(similarities, -wanted)[-wanted]
        near = np.flatnonzero(similarities >= least)
        near = near[np.argsort(-similarities[near], kind="stable")]
        places = [int(place) for place in near if place != own][:MOST_NEIGHBOURS]
        return [
            Neighbour(
                self._labelled[place].external_id,
                self._labelled[place].label,
                round(float(similarities[place]), _DIGITS),
            )
            for place in places
        ]
