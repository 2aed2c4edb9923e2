import numpy as np

from firstline.evaluation.report.confusion import MOST_CLASSES, confusion, pairs


def test_no_mistakes_no_confusion() -> None:
    truth = np.array([0, 1, 2])
    assert confusion(truth, truth, ["a", "b", "c"]) is None


def test_rows_are_labels_and_columns_answers() -> None:
    found = confusion(np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 1, 2]), ["a", "b", "c"])
    assert found is not None
    assert set(found.names) == {"a", "b"}
    one, other = found.names.index("a"), found.names.index("b")
    assert found.counts[one][other] == 2
    assert found.counts[one][one] == 1
    assert (found.n_classes, found.n_wrong, found.n_shown) == (3, 2, 2)


def test_classes_that_are_confused_most_are_neighbours() -> None:
    truth = np.repeat([0, 1, 2, 0], [9, 9, 3, 1])
    predicted = np.repeat([3, 4, 0, 1], [9, 9, 3, 1])
    found = confusion(truth, predicted, ["a", "b", "c", "d", "e"])
    assert found is not None
    place = {name: index for index, name in enumerate(found.names)}
    for one, other in ("ad", "be", "ca"):
        assert abs(place[one] - place[other]) == 1


def test_of_150_classes_those_that_are_confused_most_are_shown() -> None:
    truth = np.repeat(np.arange(0, 150, 2), np.arange(75) + 1)
    found = confusion(truth, truth + 1, [str(number) for number in range(150)])
    assert found is not None
    assert len(found.names) == MOST_CLASSES
    assert set(found.names) == {str(number) for number in range(126, 150)}
    assert found.n_shown == sum(range(64, 76)) < found.n_wrong


def test_the_class_that_loses_more_stands_first() -> None:
    wrong = np.array([[0, 1, 0], [3, 0, 0], [0, 1, 0]])
    assert pairs(wrong) == [(1, 0), (2, 1)]
