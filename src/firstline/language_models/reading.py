"""Messages as token ids, in batches of similar length."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstline.neural.loop import Batch
from firstline.text.tokenizer import PAD, Tokenizer
from firstline.types import Direction

MAX_TOKENS = 128
"""What stands beyond in a message is not read: on spb it changes two answers of a thousand, and takes its time."""

MAX_BATCH_TOKENS = 4_096
_LIKE_LENGTH = 4_096


def encode(tokenizer: Tokenizer, texts: Iterable[str], direction: Direction) -> list[NDArray[np.int64]]:
    """The ids of ruled texts as the network reads them: the begin of text, then at most `MAX_TOKENS`.

    A backward network reads the same tokens from last to first.
    """
    step = 1 if direction == "forward" else -1
    return [np.array([tokenizer.bos_id, *tokenizer.encode(text)[:MAX_TOKENS][::step]], np.int64) for text in texts]


def pad(rows: Sequence[NDArray[np.int64]]) -> Tensor:
    """(n_rows, longest row), filled up with padding at the ends."""
    ids = np.full((len(rows), max(map(len, rows))), PAD, np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
    return torch.from_numpy(ids)


def batches_of_like_length(
    lengths: NDArray[np.int64], order: NDArray[np.int64], max_rows: int, max_tokens: int
) -> list[NDArray[np.int64]]:
    """Cut `order`, places of messages, into batches of at most `max_rows` and `max_tokens`, padding counted.

    Messages are sorted by length among the next 4,096 of the order only, so an epoch stays shuffled.
    """
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), _LIKE_LENGTH):
        near = order[start : start + _LIKE_LENGTH]
        near = near[np.argsort(-lengths[near], kind="stable")]
        first = 0
        while first < len(near):
            n_rows = max(1, min(max_rows, max_tokens // int(lengths[near[first]])))
            batches.append(near[first : first + n_rows])
            first += n_rows
    return batches


def rows_and_epochs(n_rows: int, max_rows: int, n_epochs: int, least_batches: int) -> tuple[int, int]:
    """Rows of a batch and epochs for `n_rows` messages, so that few of them still give a number of steps.

    Rows as of `rows_of_a_batch`; `n_epochs`, or as many more as make at least `least_batches` of so many rows.
    No epochs stay none.
    """
    rows = rows_of_a_batch(n_rows, max_rows)
    return rows, n_epochs and max(n_epochs, -(-least_batches * rows // max(n_rows, 1)))


def rows_of_a_batch(n_rows: int, max_rows: int) -> int:
    """A twentieth of `n_rows` messages, at most `max_rows`, at least 16."""
    return int(np.clip(n_rows // 20, 16, max_rows))


def n_batches_of(lengths: NDArray[np.int64], max_rows: int) -> float:
    """In how many batches messages of these lengths, (n_messages,), are read, about: long ones take more of a batch."""
    return float((1 / np.clip(MAX_BATCH_TOKENS // lengths, 1, max_rows)).sum())


class MessageRounds:
    """Epochs over messages, each cut into `rounds_per_epoch` rounds or fewer; a pure function of seed and number.

    `copies`, (n_messages,), is how often a message comes in an epoch. `target` makes of the places
    of a batch's messages, (n_rows,), and their ids, (n_rows, n_ids), what the network reads and what
    its loss compares with.
    """

    def __init__(
        self,
        rows: Sequence[NDArray[np.int64]],
        target: Callable[[NDArray[np.int64], Tensor], tuple[Tensor, Any]],
        *,
        n_epochs: int,
        seed: int,
        rounds_per_epoch: int = 1,
        max_rows: int = 128,
        max_tokens: int = MAX_BATCH_TOKENS,
        copies: NDArray[np.int64] | None = None,
    ) -> None:
        self._rows = rows
        self._target = target
        self._n_epochs = n_epochs
        self._seed = seed
        self._max_rows = max_rows
        self._max_tokens = max_tokens
        self._lengths = np.array([len(row) for row in rows], np.int64)
        self._places = np.repeat(np.arange(len(rows)), 1 if copies is None else copies)
        # No round stays empty.
        self.rounds_per_epoch = max(1, min(rounds_per_epoch, len(self._places) // max_rows))

    def __len__(self) -> int:
        return self._n_epochs * self.rounds_per_epoch

    def batches(self, number: int) -> list[Batch]:
        """The batches of one round. A batch of a single message joins another: batch norm needs two."""
        epoch, part = divmod(number, self.rounds_per_epoch)
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(self._places)
        planned = batches_of_like_length(self._lengths, order, self._max_rows, self._max_tokens)
        planned = [planned[place] for place in random.permutation(len(planned))]
        bounds = np.linspace(0, len(planned), self.rounds_per_epoch + 1).astype(int)
        return [self._batch(places) for places in _without_singles(planned[bounds[part] : bounds[part + 1]])]

    def _batch(self, places: NDArray[np.int64]) -> Batch:
        return self._target(places, pad([self._rows[place] for place in places]))


def _without_singles(batches: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    several = [batch for batch in batches if len(batch) > 1]
    singles = [batch for batch in batches if len(batch) == 1]
    if singles:
        several.append(np.concatenate([*singles, *([several.pop()] if several else [])]))
    return several
