"""What a batch holds, in which order, and what of a large pool is read."""

import numpy as np
import pytest

from firstline.labelling.queue import MOST_POOL, Mix, Queued, QueueReason, mixed, sampled


@pytest.mark.parametrize(
    ("n_labels", "strategy"),
    [(0, "typical"), (19, "typical"), (20, "unstable"), (119, "unstable"), (120, "close_call")],
)
def test_the_number_of_labels_decides_the_strategy(n_labels: int, strategy: str) -> None:
    assert Mix(typical_per_class=2, unstable_per_class=12).strategy(n_labels, n_classes=10) == strategy


def test_one_in_ten_is_random_and_suspects_come_later() -> None:
    random = np.random.default_rng(0)
    assert Mix().counts(100, 0, random) == {"random": 10, "suspect": 0, "twice": 0, "recorded": 0}
    assert Mix(suspects=0.05, suspects_from=300).counts(100, 300, random)["suspect"] == 5


def test_second_labels_and_recorded_messages_have_their_shares_if_there_are_any() -> None:
    mix, random = Mix(twice=0.1, recorded=0.3), np.random.default_rng(0)
    found = mix.counts(100, 0, random, n_twice=50, n_recorded=50)
    assert (found["twice"], found["recorded"]) == (10, 30)
    found = mix.counts(100, 0, random, n_twice=3, n_recorded=1)
    assert (found["twice"], found["recorded"]) == (3, 1)


def test_shares_never_make_more_than_the_batch() -> None:
    mix = Mix(random=0.5, suspects=0.25, suspects_from=0, twice=0.15, recorded=0.1)
    for seed in range(20):
        found = mix.counts(25, 0, np.random.default_rng(seed), n_twice=25, n_recorded=25)
        assert 23 <= sum(found.values()) <= 25


def test_shares_are_right_over_many_batches() -> None:
    random = np.random.default_rng(0)
    found = [Mix(random=0.1).counts(25, 0, random)["random"] for _ in range(1_000)]
    assert set(found) == {2, 3}
    assert np.mean(found) == pytest.approx(2.5, abs=0.1)


def test_reasons_are_spread_evenly() -> None:
    chosen: dict[QueueReason, list[int]] = {"unstable": list(range(90)), "random": list(range(100, 110)), "suspect": []}
    found = mixed(chosen, {5: 2}, np.random.default_rng(0))
    assert [one.rank for one in found] == list(range(100))
    assert {one.place for one in found} == {*range(90), *range(100, 110)}
    # Each tenth of the batch has about one.
    assert all(0 <= sum(one.is_random for one in found[start : start + 20]) <= 3 for start in range(0, 100, 20))
    assert [one.place for one in found if not one.is_random] == list(range(90))
    assert next(one for one in found if one.place == 5).cluster == 2


def test_a_queued_message_is_random_only_by_its_reason() -> None:
    assert Queued(1, "random", 0).is_random
    assert not Queued(1, "suspect", 0).is_random


def test_a_small_pool_is_read_whole() -> None:
    assert sampled(10, np.array([3]), np.random.default_rng(0)).tolist() == list(range(10))


def test_a_large_pool_is_sampled_and_keeps_what_is_labelled() -> None:
    labelled = np.array([0, 7, MOST_POOL + 99])
    found = sampled(MOST_POOL + 100, labelled, np.random.default_rng(0))
    assert len(found) == len(set(found.tolist())) == MOST_POOL
    assert np.isin(labelled, found).all()
    assert np.all(np.diff(found) > 0)
