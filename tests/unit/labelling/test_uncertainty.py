"""Margins, answers that flip, and the middle of clusters."""

import numpy as np

from firstline.bundle.parts.head import Head
from firstline.labelling.uncertainty import central, flips, margins
from tests.unit.labelling.vectors import group_of, groups


def test_a_margin_is_the_lead_of_the_best_class() -> None:
    found = margins(np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]], np.float32))
    assert np.allclose(found, [0.3, 0.0])


def test_answers_flip_where_two_classes_are_close_and_not_where_one_is_far_ahead() -> None:
    head = Head(np.array([[1, -1]] * 64, np.float32), np.zeros(2, np.float32))
    near = np.where(np.arange(64) % 2, 1.0, -1.0).astype(np.float32)
    vectors = np.stack([*[np.ones(64, np.float32)] * 20, *[near] * 20])
    found = flips(vectors, head, np.random.default_rng(0))
    assert found[:20].max() == 0
    assert found[20:].mean() > 0.5
    assert found.max() <= 3


def test_flips_are_the_same_for_the_same_seed() -> None:
    head = Head(np.random.default_rng(1).standard_normal((16, 3), np.float32), np.zeros(3, np.float32))
    vectors = groups([20, 20], spread=0.5)
    first, again = (flips(vectors, head, np.random.default_rng(5)) for _ in range(2))
    assert first.tolist() == again.tolist()


def test_each_cluster_gives_the_message_nearest_to_its_mean_the_largest_cluster_first() -> None:
    vectors = np.array([[0, 0], [9, 9], [10, 10], [11, 11], [1, 1]], np.float32)
    assert central(vectors, np.array([0, 1, 1, 1, 0])).tolist() == [2, 0]


def test_clusters_may_be_missing() -> None:
    sizes = (3, 2)
    assert group_of(sizes)[central(groups(sizes), 2 * group_of(sizes))].tolist() == [0, 1]
