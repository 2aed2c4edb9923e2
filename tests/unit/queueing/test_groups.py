"""Groups are of messages that are alike, and say what they are about."""

import numpy as np

from firstline.queueing.groups import FEWEST, MOST, Group, clusters_to_show, groups_of, suggested_class, telling_words
from tests.unit.labelling.vectors import group_of, groups


def test_messages_of_a_group_are_alike() -> None:
    sizes = (20, 16, 12)
    found = groups_of(groups(sizes, spread=0.05), np.ones(48, np.bool_), seed=0)
    true = group_of(sizes)
    assert found
    assert all(len(set(true[one.places].tolist())) == 1 for one in found)
    assert all(FEWEST <= len(one.places) <= MOST for one in found)
    assert all((np.diff(one.similarities) <= 0).all() for one in found)


def test_no_message_is_in_two_groups_or_closed() -> None:
    is_open = np.ones(300, np.bool_)
    is_open[:100] = False
    found = groups_of(groups((100, 100, 100), spread=0.5), is_open, seed=1)
    places = np.concatenate([one.places for one in found])
    assert len(places) == len(set(places.tolist()))
    assert places.min() >= 100


def test_the_same_seed_gives_the_same_groups() -> None:
    vectors, is_open = groups((60, 60), spread=0.5), np.ones(120, np.bool_)
    first, second = (groups_of(vectors, is_open, seed=3) for _ in range(2))
    assert [one.places.tolist() for one in first] == [one.places.tolist() for one in second]


def test_few_messages_make_no_group() -> None:
    vectors = groups((FEWEST,))
    assert groups_of(vectors, np.arange(FEWEST) > 0, seed=0) == []
    assert len(groups_of(vectors, np.ones(FEWEST, np.bool_), seed=0)) == 1


def test_a_class_is_suggested_if_most_messages_agree() -> None:
    sure, other = [(7, 0.6), (8, 0.2)], [(8, 0.5), (7, 0.4)]
    assert suggested_class([sure] * 4 + [other]) == (7, (4 * 0.6 + 0.4) / 5)
    assert suggested_class([sure] * 3 + [other] * 2) is None
    assert suggested_class([[], []]) is None


def test_telling_words_are_of_the_group_alone() -> None:
    inside = [f"Банкомат {word} съел карту <PHONE> 5000" for word in ("опять", "вчера", "снова", "утром")]
    outside = [f"{word} карту" for word in ("закрыть", "открыть", "перевыпустить", "заказать", "выпустить", "дать")]
    assert telling_words(inside, inside + outside * 5) == ["банкомат", "съел"]


def test_the_surest_clusters_come_first() -> None:
    one = Group(np.array([1, 0]), np.array([0.9, 0.5], np.float32))
    two = Group(np.array([2, 3]), np.array([0.8, 0.5], np.float32))
    three = Group(np.array([4]), np.array([1.0], np.float32))
    guesses = [[[(1, 0.5)], [(2, 0.6)]], [[(1, 0.7)], [(1, 0.9)]], [[(2, 0.6)]]]
    rows = clusters_to_show([one, two, three], guesses, [10, 11, 12, 13, 14], ["a"] * 5)
    assert [(row.rank, row.class_id) for row in rows] == [(0, 1), (1, 2), (2, None)]
    assert [place for place, _ in rows[2].members] == [11, 10]
    assert abs((rows[0].share or 0) - 0.8) < 1e-9
