"""Names alone already suggest classes, and better ones after the prototypes have moved over the pool."""

import numpy as np
import pytest

from firstline.labelling.prototypes import MOST_SUGGESTED, moved, named_prototypes, suggestions
from tests.unit.labelling.vectors import group_of, groups

SIZES = (40, 40, 40)


def test_a_prototype_is_the_mean_of_a_name_and_its_sentences() -> None:
    vectors = np.eye(3, dtype=np.float32)
    found = named_prototypes(vectors, [0, 1, 1])
    assert np.allclose(found, [[1, 0, 0], [0, np.sqrt(0.5), np.sqrt(0.5)]])


def test_moved_prototypes_answer_better_than_names() -> None:
    vectors, truth = groups(SIZES, spread=0.1), group_of(SIZES)
    # The name of class 1 lies closer to the messages of class 2 than that of class 2.
    names = groups([1, 1, 1], spread=0.0)
    names[1] = [0, 0.55, 0.83, *[0] * 13]
    names[2] = [0, 0, 0.6, 0.8, *[0] * 12]
    before, after = (suggestions(vectors, found).places[:, 0] for found in (names, moved(vectors, names)))
    assert np.mean(before == truth) < 0.7
    assert np.mean(after == truth) > 0.95


def test_suggestions_are_sorted_and_at_most_nine() -> None:
    names = groups([1] * 12)
    found = suggestions(groups([2] * 12), names)
    assert found.places.shape == found.scores.shape == (24, MOST_SUGGESTED)
    assert np.all(np.diff(found.scores, axis=1) <= 0)
    assert np.all(found.scores.sum(axis=1) <= 1.001)
    assert suggestions(groups([2]), names[:2]).scores.sum(axis=1) == pytest.approx([1, 1])


def test_a_class_whose_name_says_nothing_stays_where_it_was() -> None:
    names = groups([1, 1], spread=0.0)
    names[1] = 0
    found = moved(groups([10]), names)
    assert np.isfinite(found).all()
