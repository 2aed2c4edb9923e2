import msgspec
import numpy as np
import pytest

from firstline.bundle.manifest import ClassMetrics
from firstline.evaluation.report.figures import (
    class_rows,
    class_rows_of_manifest,
    confidences,
    growth,
    paired,
    reliability,
)
from tests.reports import model


def test_levels_say_what_came_true() -> None:
    said = np.repeat([0.6, 0.9], 20)
    probabilities = np.stack([said, 1 - said], axis=1).astype(np.float32)
    truth = np.zeros(40, np.int64)
    truth[:8] = 1
    found = reliability(probabilities, truth)
    assert [round(level.said, 2) for level in found.levels] == [0.6, 0.9]
    assert [level.right.value for level in found.levels] == [0.6, 1.0]
    assert found.gap.low <= found.gap.value <= found.gap.high


def test_few_messages_are_one_level() -> None:
    assert len(reliability(np.array([[0.8, 0.2]], np.float32), np.array([0])).levels) == 1


def test_every_answer_is_in_one_bin() -> None:
    confidence = np.array([0.0, 0.05, 0.5, 0.8, 1.0], np.float32)
    right = np.array([False, True, True, True, True])
    found = confidences(confidence, right)
    assert sum(one.n_right for one in found.bins) == 4
    assert sum(one.n_wrong for one in found.bins) == 1
    assert found.sure_of_right is not None
    assert found.sure_of_right.value == 0.5


def test_without_mistakes_nothing_is_said_of_them() -> None:
    found = confidences(np.array([0.9], np.float32), np.array([True]))
    assert found.sure_of_wrong is None


def test_a_class_is_trusted_and_found() -> None:
    rows = {row.name: row for row in class_rows(np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]]), ["a", "b", "c"])}
    assert rows["a"].trusted is not None
    assert rows["a"].found is not None
    assert (rows["a"].trusted.value, rows["a"].found.value, rows["a"].n_messages) == (0.6, 0.75, 4)
    assert (rows["c"].trusted, rows["c"].found) == (None, None)


def test_a_manifest_gives_the_same_rows() -> None:
    counts = np.array([[3, 1], [2, 2]])
    metrics = {"a": ClassMetrics(0.6, 0.75, 0.0, 4), "b": ClassMetrics(2 / 3, 0.5, 0.0, 4)}
    assert class_rows_of_manifest(metrics) == class_rows(counts, ["a", "b"])


def test_the_difference_of_equals_is_zero() -> None:
    right = np.array([True, False, True])
    assert (paired(right, right).value, paired(right, right).low) == (0, 0)


def test_a_better_model_has_a_positive_difference() -> None:
    found = paired(np.ones(100, bool), np.arange(100) % 2 == 0)
    assert found.low > 0
    assert found.value == 0.5


def test_three_hundred_labels_more_lie_on_the_law() -> None:
    curve = model().learning_curve
    assert curve is not None
    found = growth(curve, curve.candidate)
    assert found.then is not None
    assert found.then.n_labels == 400
    assert found.then.right.value == pytest.approx(1 - 0.1 - 2 * 400**-0.4)
    assert found.then.right.low < found.then.right.value < found.then.right.high


def test_the_interval_ends_as_the_training_says() -> None:
    curve = model().learning_curve
    assert curve is not None
    curve = msgspec.structs.replace(curve, law=curve.law)
    found = growth(curve, curve.candidate, more=500)
    assert found.then is not None
    assert found.then.right.high - found.then.right.value == pytest.approx(0.9 - 0.745)


def test_without_a_law_nothing_is_expected() -> None:
    curve = model().learning_curve
    assert curve is not None
    assert growth(msgspec.structs.replace(curve, law=None), curve.candidate).then is None


@pytest.mark.parametrize(("candidate", "is_own"), [("linear.v1", True), ("blend.v1", False)])
def test_the_curve_says_whose_it_is(candidate: str, is_own: bool) -> None:
    curve = model().learning_curve
    assert curve is not None
    found = growth(curve, candidate)
    assert (found.candidate, found.is_own) == ("linear.v1", is_own)
