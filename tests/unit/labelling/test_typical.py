"""The most typical message of each cluster comes first, and clusters without labels before others."""

import numpy as np
from numpy.typing import NDArray

from firstline.labelling.typical import typical, typicality
from tests.unit.labelling.vectors import group_of, groups

SIZES = (30, 20, 10)


def open_but(*places: int) -> NDArray[np.bool_]:
    found = np.ones(sum(SIZES), np.bool_)
    found[list(places)] = False
    return found


def test_a_message_in_the_middle_is_more_typical_than_one_at_the_edge() -> None:
    angles = np.linspace(-0.5, 0.5, 41)
    found = typicality(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32))
    assert found.argmax() in range(10, 31)
    assert found.argmin() in (0, 40)


def test_a_cluster_that_is_compared_in_parts_gives_a_figure_for_each_message() -> None:
    found = typicality(groups([4_100]))
    assert found.shape == (4_100,)
    assert np.all((found > 0) & (found <= 1.001))


def test_every_cluster_gives_one_message_the_largest_first() -> None:
    found = typical(groups(SIZES), group_of(SIZES), open_but(), 3)
    assert group_of(SIZES)[found].tolist() == [0, 1, 2]


def test_clusters_without_labels_come_before_those_with_some() -> None:
    found = typical(groups(SIZES), group_of(SIZES), open_but(0, 1, 31), 3)
    assert group_of(SIZES)[found].tolist() == [2, 1, 2]


def test_what_is_labelled_is_not_chosen_again_and_nothing_twice() -> None:
    found = typical(groups(SIZES), group_of(SIZES), open_but(*range(59)), 5)
    assert found.tolist() == [59]
    assert len(set(typical(groups(SIZES), group_of(SIZES), open_but(), 60).tolist())) == 60


def test_tiny_clusters_come_last() -> None:
    sizes = (4, 10)
    found = typical(groups(sizes), group_of(sizes), np.ones(14, np.bool_), 11)
    assert group_of(sizes)[found].tolist() == [1] * 10 + [0]
