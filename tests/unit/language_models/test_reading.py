import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from firstline.language_models.reading import (
    MAX_BATCH_TOKENS,
    MAX_TOKENS,
    MessageRounds,
    batches_of_like_length,
    encode,
    n_batches_of,
    pad,
    rows_and_epochs,
)
from firstline.language_models.tokenizer_training import train_tokenizer
from firstline.text.tokenizer import PAD

TOKENIZER = train_tokenizer(["карта пришла", "оплата ушла"] * 9, 40)


def rows(*lengths: int) -> list[NDArray[np.int64]]:
    """Rows that tell their place: row 3 holds threes, counted from 10 on, so that none is padding."""
    return [np.full(length, 10 + place, np.int64) for place, length in enumerate(lengths)]


def rounds(lengths: list[int], **settings: object) -> MessageRounds:
    def target(places: NDArray[np.int64], ids: Tensor) -> tuple[Tensor, NDArray[np.int64]]:
        return ids, places

    return MessageRounds(rows(*lengths), target, **{"n_epochs": 2, "seed": 0, **settings})  # type: ignore[arg-type]


def read(found: MessageRounds, number: int) -> list[int]:
    return [place for _, places in found.batches(number) for place in places]


def test_a_message_is_read_from_its_begin() -> None:
    ids = encode(TOKENIZER, ["карта ушла"], "forward")[0]
    assert ids.tolist() == [TOKENIZER.bos_id, *TOKENIZER.encode("карта ушла")]


def test_backward_reads_the_same_tokens_from_the_last_to_the_first() -> None:
    forward, backward = (encode(TOKENIZER, ["карта ушла"], direction)[0] for direction in ("forward", "backward"))
    assert backward.tolist() == [forward[0], *forward[:0:-1]]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_what_stands_beyond_the_first_tokens_is_not_read(direction: str) -> None:
    text = "карта " * 300 + "ушла"
    short, long = encode(TOKENIZER, [" ".join(text.split()[:299]), text], direction)  # type: ignore[arg-type]
    assert len(long) == MAX_TOKENS + 1
    assert np.array_equal(short, long)


def test_an_empty_message_is_its_begin_alone() -> None:
    assert [row.tolist() for row in encode(TOKENIZER, ["", "xxmask_unheard_of"], "forward")] == [[1], [1]]


def test_rows_are_filled_up_at_their_ends() -> None:
    assert pad(rows(1, 3)).tolist() == [[10, PAD, PAD], [11, 11, 11]]


def test_batches_keep_within_rows_and_tokens() -> None:
    lengths = np.random.default_rng(0).integers(1, 40, 500)
    batches = batches_of_like_length(lengths, np.arange(500), max_rows=16, max_tokens=100)
    assert sorted(np.concatenate(batches)) == list(range(500))
    assert max(map(len, batches)) == 16
    assert max(len(batch) * lengths[batch].max() for batch in batches) <= 100


def test_a_message_longer_than_a_batch_makes_one() -> None:
    batches = batches_of_like_length(np.array([200, 5]), np.arange(2), max_rows=16, max_tokens=100)
    assert [batch.tolist() for batch in batches] == [[0], [1]]


def test_messages_of_like_length_are_read_together() -> None:
    batches = batches_of_like_length(np.array([1, 9, 2, 8]), np.arange(4), max_rows=2, max_tokens=100)
    assert [sorted(batch.tolist()) for batch in batches] == [[1, 3], [0, 2]]


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_an_epoch_reads_each_message_once(n_rounds: int) -> None:
    found = rounds([5] * 50, rounds_per_epoch=n_rounds, max_rows=8)
    assert len(found) == 2 * n_rounds
    for epoch in range(2):
        places = [place for part in range(n_rounds) for place in read(found, epoch * n_rounds + part)]
        assert sorted(places) == list(range(50))


def test_copies_are_read_as_often_as_said() -> None:
    found = rounds([5] * 4, copies=np.array([3, 1, 1, 0]), max_rows=2)
    assert sorted(read(found, 0)) == [0, 0, 0, 1, 2]


def test_no_round_is_empty() -> None:
    found = rounds([5] * 20, rounds_per_epoch=10, max_rows=8)
    assert all(found.batches(number) for number in range(len(found)))


def test_a_round_depends_on_seed_and_number_alone() -> None:
    one, two = rounds([5] * 50, max_rows=8), rounds([5] * 50, max_rows=8)
    two.batches(0)
    assert read(one, 1) == read(two, 1)
    assert read(one, 0) != read(one, 1)
    assert read(rounds([5] * 50, max_rows=8, seed=1), 0) != read(one, 0)


@pytest.mark.parametrize("lengths", [[5] * 9, [90, 80, 70], [90, 5, 5], [90, 90]])
def test_no_batch_is_of_a_single_message(lengths: list[int]) -> None:
    found = rounds(lengths, max_rows=4, max_tokens=100)
    batches = found.batches(0)
    assert sorted(read(found, 0)) == list(range(len(lengths)))
    assert all(len(places) > 1 for _, places in batches)


def test_the_target_is_asked_for_the_messages_of_the_batch() -> None:
    for ids, places in rounds([3, 1, 2, 4, 2], max_rows=2).batches(0):
        assert torch.equal(ids[:, 0], torch.from_numpy(places + 10))


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(100_000, (128, 3)), (10_000, (128, 8)), (1_000, (50, 30)), (40, (16, 240)), (0, (16, 9_600))],
)
def test_few_messages_give_as_many_batches_in_more_epochs(n_rows: int, expected: tuple[int, int]) -> None:
    assert rows_and_epochs(n_rows, max_rows=128, n_epochs=3, least_batches=600) == expected


def test_no_epochs_stay_none() -> None:
    assert rows_and_epochs(100, max_rows=128, n_epochs=0, least_batches=600) == (16, 0)


@pytest.mark.parametrize("max_rows", [16, 128])
def test_batches_are_counted_as_they_are_cut(max_rows: int) -> None:
    lengths = np.random.default_rng(0).integers(1, 129, 2_000)
    cut = batches_of_like_length(lengths, np.arange(len(lengths)), max_rows, MAX_BATCH_TOKENS)
    assert n_batches_of(lengths, max_rows) == pytest.approx(len(cut), rel=0.05)
