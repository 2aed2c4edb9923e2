import numpy as np
from numpy.typing import NDArray

from firstline.training.candidates.encoder.batches import Batches

ROWS = [np.arange(2, 4 + place % 5, dtype=np.int64) for place in range(50)]
LABELS = np.arange(50, dtype=np.float32)
ONCE = np.ones(50, np.int64)


def made(n_batches: int = 21, seed: int = 0, copies: NDArray[np.int64] = ONCE) -> Batches:
    return Batches(ROWS, LABELS, copies, pad=1, n_batches=n_batches, max_rows=8, seed=seed)


def test_there_are_as_many_batches_as_asked_for() -> None:
    rounds = made(57)
    assert len(rounds) == 20
    assert sum(len(rounds.batches(number)) for number in range(len(rounds))) == 57


def test_an_epoch_has_every_message_once() -> None:
    rounds = made(7)
    labels = np.concatenate([target for number in range(len(rounds)) for _, target in rounds.batches(number)])
    assert sorted(labels.tolist()) == sorted(LABELS.tolist())


def test_an_epoch_has_a_copied_message_more_often() -> None:
    copies = np.where(np.arange(50) < 3, 3, 1)
    rounds = made(7, copies=copies)
    places = np.concatenate([target for number in range(len(rounds)) for _, target in rounds.batches(number)])
    assert np.bincount(places.astype(int)).tolist() == copies.tolist()


def test_rows_are_filled_up_and_keep_their_labels() -> None:
    for ids, labels in made(7).batches(0):
        assert ids.shape[0] == len(labels)
        assert set(ids[:, 0].tolist()) == {2}
        assert (ids == 1).sum() == sum(ids.shape[1] - len(row[row != 1]) for row in ids)


def test_the_same_seed_gives_the_same_batches_and_another_others() -> None:
    one, same, other = made(seed=3).batches(2), made(seed=3).batches(2), made(seed=4).batches(2)
    assert all(bool((a[0] == b[0]).all()) for a, b in zip(one, same, strict=True))
    assert [labels.tolist() for _, labels in one] != [labels.tolist() for _, labels in other]
