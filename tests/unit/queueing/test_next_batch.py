"""One batch of the queue: typical messages first, then unstable ones and close calls, with random ones and suspects."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from firstline.labelling.queue import Mix
from firstline.queueing.next_batch import LabelledPool, fit_head, next_batch
from firstline.types import NONE
from tests.unit.labelling.vectors import group_of, groups

SIZES = (60, 60, 60, 60)
TRUTH = group_of(SIZES)
VECTORS = groups(SIZES, spread=0.3)
BARE = Mix(random=0.0, suspects=0.0)


def pool_of(*places: int, **changes: object) -> LabelledPool:
    """The pool with right labels at these places."""
    labels = {place: f"class {TRUTH[place]}" for place in places}
    return replace(LabelledPool(VECTORS, labels, n_classes=4), **changes)  # type: ignore[arg-type]


def some(n: int) -> list[int]:
    """Places, the same number in each group."""
    return [int(place) for place in np.argsort(np.arange(len(TRUTH)) % 60, kind="stable")[:n]]


def test_a_start_without_labels_sees_every_class() -> None:
    found = next_batch(pool_of(), 8, seed=0, mix=BARE)
    assert [one.reason for one in found] == ["typical"] * 8
    assert {TRUTH[one.place] for one in found} == {0, 1, 2, 3}


@pytest.mark.parametrize(("n_labels", "reason"), [(4, "typical"), (20, "unstable"), (80, "close_call")])
def test_the_number_of_labels_decides_what_is_chosen(n_labels: int, reason: str) -> None:
    found = next_batch(pool_of(*some(n_labels)), 20, seed=0, mix=Mix(unstable_per_class=12))
    counted = Counter(one.reason for one in found)
    assert counted == {reason: 18, "random": 2}
    assert len({one.place for one in found} - set(some(n_labels))) == 20


def test_the_same_seed_gives_the_same_batch_and_another_seed_another() -> None:
    pool = pool_of(*some(20))
    assert next_batch(pool, 20, seed=1) == next_batch(pool, 20, seed=1)
    assert next_batch(pool, 20, seed=1) != next_batch(pool, 20, seed=2)


def test_close_calls_are_those_with_the_smallest_margin() -> None:
    pool = pool_of(*some(80))
    head, _ = fit_head(VECTORS[some(80)], [pool.labels[place] for place in some(80)])
    probabilities = np.sort(head(VECTORS), axis=1)
    margin = probabilities[:, -1] - probabilities[:, -2]
    margin[some(80)] = 1
    found = [one.place for one in next_batch(pool, 10, seed=0, mix=replace(BARE, unstable_per_class=0))]
    assert found == np.argsort(margin)[:10].tolist()


def test_what_is_skipped_is_not_offered() -> None:
    skipped = frozenset(range(0, 240, 2))
    found = next_batch(pool_of(skipped=skipped), 50, seed=0)
    assert len(found) == 50
    assert skipped.isdisjoint(one.place for one in found)


def test_messages_that_look_like_none_of_the_classes_come_only_at_random() -> None:
    labels = {place: NONE if TRUTH[place] == 3 else f"class {TRUTH[place]}" for place in some(40)}
    found = next_batch(LabelledPool(groups(SIZES, spread=0.1), labels, n_classes=3), 40, seed=0)
    chosen = {TRUTH[one.place] for one in found if not one.is_random}
    assert chosen <= {0, 1, 2}
    assert len(found) == 40


def test_a_wrong_label_is_asked_again_until_it_has_been_checked() -> None:
    pool = pool_of(*some(80))
    wrong = replace(pool, labels={**pool.labels, 0: "class 3"})
    mix = Mix(suspects=0.1, suspects_from=50)
    found = [one for one in next_batch(wrong, 10, seed=0, mix=mix) if one.reason == "suspect"]
    assert [one.place for one in found] == [0]
    again = next_batch(replace(wrong, checked=frozenset([0])), 10, seed=0, mix=mix)
    assert 0 not in [one.place for one in again]


def test_a_share_is_labelled_twice_by_chance() -> None:
    pool = pool_of(*some(80), once=some(40))
    mix = replace(BARE, twice=0.2)
    twice = [[one.place for one in next_batch(pool, 20, seed, mix) if one.reason == "twice"] for seed in (0, 1)]
    assert [len(found) for found in twice] == [4, 4]
    assert {*twice[0], *twice[1]} <= set(some(40))
    assert twice[0] != twice[1]
    assert len(next_batch(pool, 20, seed=0, mix=mix)) == 20


def test_a_suspect_is_not_labelled_twice_in_the_same_batch() -> None:
    pool = pool_of(*some(80), once=[0])
    wrong = replace(pool, labels={**pool.labels, 0: "class 3"})
    found = next_batch(wrong, 10, seed=0, mix=Mix(suspects=0.1, suspects_from=50, twice=0.5))
    assert [one.reason for one in found if one.place == 0] == ["suspect"]


def test_recorded_messages_come_in_their_order() -> None:
    recorded = [239, 150, 0, 145, 200]
    pool = pool_of(*some(80), recorded=recorded, skipped=frozenset([150]))
    found = next_batch(pool, 10, seed=0, mix=replace(BARE, recorded=0.2))
    assert [one.place for one in found if one.reason == "recorded"] == [239, 145]
    assert len({one.place for one in found}) == 10


def test_what_is_no_fair_sample_is_not_drawn_at_random() -> None:
    fair = {3, 77, 180}
    pool = pool_of(not_drawn=frozenset(set(range(240)) - fair))
    found = next_batch(pool, 20, seed=0, mix=replace(BARE, random=0.5))
    assert {one.place for one in found if one.is_random} == fair
    assert len(found) == 20


def test_of_many_labels_a_sample_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.queueing.next_batch._MOST_CHECKED", 40)
    pool = pool_of(*some(80))
    wrong = replace(pool, labels={**pool.labels, 0: "class 3"})
    mix = Mix(suspects=0.1, suspects_from=50)
    found = [[one.place for one in next_batch(wrong, 10, seed, mix) if one.reason == "suspect"] for seed in range(12)]
    assert 0 < sum(places == [0] for places in found) < 12


def test_the_last_messages_of_a_pool_are_all_offered() -> None:
    found = next_batch(pool_of(*range(235)), 50, seed=0, mix=BARE)
    assert sorted(one.place for one in found) == [235, 236, 237, 238, 239]
    assert next_batch(pool_of(*range(240)), 50, seed=0, mix=BARE) == []


def test_messages_that_are_all_alike_fill_a_batch() -> None:
    vectors = np.repeat(np.eye(2, 16, dtype=np.float32), 30, axis=0)
    for n_labels in (0, 5, 12):
        labels = {place: f"class {place % 2}" for place in range(n_labels)}
        found = next_batch(LabelledPool(vectors, labels, n_classes=1), 20, seed=0, mix=Mix(unstable_per_class=10))
        assert len({one.place for one in found} - set(labels)) == 20


def test_if_everything_looks_like_none_of_the_classes_it_is_offered_all_the_same() -> None:
    labels = {**dict.fromkeys(some(40), NONE), 0: "class 0"}
    found = next_batch(LabelledPool(VECTORS, labels, n_classes=1), 20, seed=0)
    assert len({one.place for one in found} - set(labels)) == 20


def test_labels_of_a_single_class_do_not_stop_the_queue() -> None:
    found = next_batch(pool_of(*range(50)), 10, seed=0, mix=BARE)
    assert {one.reason for one in found} == {"typical"}


def test_of_a_large_pool_a_sample_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firstline.labelling.queue.MOST_POOL", 100)
    assert len(next_batch(pool_of(), 240, seed=0)) == 100
    for n_labels in (0, 20, 80):
        found = next_batch(pool_of(*some(n_labels)), 20, seed=0, mix=Mix(unstable_per_class=12))
        assert len({one.place for one in found} - set(some(n_labels))) == 20


def test_a_head_knows_its_classes() -> None:
    head, labels = fit_head(VECTORS, [f"class {group}" for group in TRUTH])
    assert labels == ["class 0", "class 1", "class 2", "class 3"]
    assert np.mean(head(VECTORS).argmax(axis=1) == TRUTH) > 0.95
