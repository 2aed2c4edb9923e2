"""What is said of classes that the champion does not know."""

from dataclasses import replace

import pytest

from firstline.retraining.comparing import Answers
from firstline.retraining.new_classes import new_classes
from tests.unit.retraining.test_gates import CLASSES, compared


def test_a_new_class_has_figures_of_its_own() -> None:
    found = replace(compared(), champions=CLASSES[1:])
    (one,) = new_classes(found)
    right = (found.challenger.labels == CLASSES[0]) & (found.truth == CLASSES[0])
    n_answered, n_labels = (found.challenger.labels == CLASSES[0]).sum(), (found.truth == CLASSES[0]).sum()
    assert (one.label, one.n_labels, one.overlap) == (CLASSES[0], n_labels, None)
    assert one.precision == pytest.approx(right.sum() / n_answered)
    assert one.recall == pytest.approx(right.sum() / n_labels)
    assert one.f1 == pytest.approx(2 * one.precision * one.recall / (one.precision + one.recall))
    assert one.n_suspects == n_answered - right.sum()


def test_a_class_that_takes_most_messages_of_a_new_one_is_named() -> None:
    found = replace(compared(), champions=CLASSES[1:])
    labels = found.challenger.labels.copy()
    labels[found.truth == CLASSES[0]] = CLASSES[4]
    (one,) = new_classes(replace(found, challenger=Answers(labels, found.challenger.confidence)))
    assert one.overlap is not None
    assert (one.overlap.other, one.f1) == (CLASSES[4], 0)


def test_without_new_classes_there_is_nothing_to_say() -> None:
    assert new_classes(compared()) == []
