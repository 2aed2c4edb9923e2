"""Labels that the others contradict are found without a training."""

import numpy as np

from firstline.labelling.second_look import _left_out, doubtful
from tests.unit.labelling.vectors import group_of, groups

SIZES = (20, 20, 20)


def labels_of(wrong: dict[int, str]) -> list[str]:
    return [wrong.get(place, f"class {group}") for place, group in enumerate(group_of(SIZES))]


def test_planted_errors_come_first() -> None:
    found = doubtful(groups(SIZES, spread=0.1), labels_of({3: "class 1", 45: "class 0"}))
    assert sorted(found[:2].tolist()) == [3, 45]


def test_right_labels_of_clear_messages_are_not_doubtful() -> None:
    assert doubtful(groups(SIZES), labels_of({})).tolist() == []


def test_a_single_label_of_a_class_is_never_doubtful() -> None:
    assert doubtful(groups(SIZES), labels_of({5: "class 9"})).tolist() == []


def test_one_class_or_nothing_gives_nothing() -> None:
    assert doubtful(groups([4]), ["one"] * 4).tolist() == []
    assert doubtful(groups([4])[:0], []).tolist() == []


def test_answers_are_those_of_a_fit_without_the_message() -> None:
    vectors = groups([6, 6], n_dimensions=4, spread=0.5)
    targets = np.eye(2)[group_of([6, 6])]
    found = _left_out(vectors, targets)
    features = np.hstack([vectors.astype(np.float64), np.ones((12, 1))])
    for place in range(12):
        others = np.arange(12) != place
        weights = np.linalg.solve(
            features[others].T @ features[others] + np.eye(5), features[others].T @ targets[others]
        )
        assert np.allclose(found[place], features[place] @ weights)
