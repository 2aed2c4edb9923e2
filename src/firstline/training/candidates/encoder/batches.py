"""Messages as token ids, in batches of similar length; their number is bounded, whatever that of the labels."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from firstline.language_models.reading import batches_of_like_length
from firstline.neural.loop import Batch

_NEAR_BATCHES = 32
_MOST_ROUNDS = 20


class Batches:
    """`n_batches` batches over shuffled epochs, cut into at most 20 rounds; a pure function of the seed.

    `rows` are the ids of messages, filled up with `pad`; `targets`, (n_messages, ...), what the loss compares with;
    `copies`, (n_messages,), is how often a message comes in an epoch.
    """

    def __init__(
        self,
        rows: Sequence[NDArray[np.int64]],
        targets: NDArray[np.float32],
        copies: NDArray[np.int64],
        pad: int,
        n_batches: int,
        max_rows: int,
        seed: int,
    ) -> None:
        self._rows = rows
        self._targets = targets
        self._pad = pad
        lengths = np.array([len(row) for row in rows], np.int64)
        places = np.repeat(np.arange(len(rows)), copies)
        self._planned: list[NDArray[np.int64]] = []
        epoch = 0
        while len(self._planned) < n_batches:
            self._planned += _epoch(lengths, places, max_rows, (seed, epoch))
            epoch += 1
        del self._planned[n_batches:]
        self._bounds = np.linspace(0, n_batches, min(_MOST_ROUNDS, n_batches) + 1).astype(int)

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def batches(self, number: int) -> list[Batch]:
        """Ids, (n_rows, n_ids), and targets, (n_rows, ...), of one round."""
        return [self._batch(places) for places in self._planned[self._bounds[number] : self._bounds[number + 1]]]

    def _batch(self, places: NDArray[np.int64]) -> Batch:
        ids = np.full((len(places), max(len(self._rows[place]) for place in places)), self._pad, np.int64)
        for row, place in enumerate(places):
            ids[row, : len(self._rows[place])] = self._rows[place]
        return torch.from_numpy(ids), torch.from_numpy(self._targets[places])


def _epoch(
    lengths: NDArray[np.int64], places: NDArray[np.int64], max_rows: int, seed: tuple[int, int]
) -> list[NDArray[np.int64]]:
    """Sorted by length among so many neighbours only, so a message meets others in each epoch."""
    random = np.random.default_rng(seed)
    order = random.permutation(places)
    planned: list[NDArray[np.int64]] = []
    near = _NEAR_BATCHES * max_rows
    for start in range(0, len(order), near):
        planned += batches_of_like_length(lengths, order[start : start + near], max_rows, max_rows * int(lengths.max()))
    return [planned[place] for place in random.permutation(len(planned))]
