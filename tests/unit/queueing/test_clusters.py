"""k-means finds the groups that are there."""

import numpy as np

from firstline.queueing.clusters import clusters_of
from tests.unit.labelling.vectors import group_of, groups


def test_groups_become_clusters() -> None:
    sizes = (30, 20, 10)
    found = clusters_of(groups(sizes), 3, seed=0)
    pairs = set(zip(found.tolist(), group_of(sizes).tolist(), strict=True))
    assert len(pairs) == 3


def test_few_messages_are_a_cluster_each() -> None:
    assert clusters_of(groups([3]), 5, seed=0).tolist() == [0, 1, 2]
    assert clusters_of(groups([3])[:0], 5, seed=0).tolist() == []


def test_equal_messages_make_fewer_clusters() -> None:
    found = clusters_of(np.ones((9, 4), np.float32), 3, seed=0)
    assert set(found.tolist()) == {0}


def test_the_same_seed_gives_the_same_clusters() -> None:
    vectors = groups([50, 50], spread=0.5)
    assert clusters_of(vectors, 7, seed=1).tolist() == clusters_of(vectors, 7, seed=1).tolist()
