from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firstline.bundle.answer_record import KIND, AnswerRecord
from firstline.bundle.part_files import PartFiles
from firstline.errors import BundleDamaged

PROBABILITIES = np.array([[[0.2, 0.8], [0.6, 0.4], [0.9, 0.1]]], np.float32)
TRUTH = np.array([1, 1, 0])


def test_answers_are_in_the_order_of_their_confidence() -> None:
    record = AnswerRecord.of(PROBABILITIES, TRUTH)
    assert record.confidence.tolist() == pytest.approx([0.6, 0.8, 0.9])
    assert record.predicted.tolist() == [0, 1, 0]
    assert record.right.tolist() == [False, True, True]


def test_an_answer_to_a_message_of_none_of_the_classes_is_never_right() -> None:
    record = AnswerRecord.of(PROBABILITIES, TRUTH, is_none=np.array([True, False, False]))
    assert record.right.tolist() == [False, False, True]
    assert record.is_none.tolist() == [False, True, False]


def test_the_order_of_the_messages_leaves_no_trace() -> None:
    turned = AnswerRecord.of(PROBABILITIES[:, ::-1], TRUTH[::-1])
    for one, other in zip(vars(AnswerRecord.of(PROBABILITIES, TRUTH)).values(), vars(turned).values(), strict=True):
        assert np.array_equal(one, other)


def test_repeated_answers_to_a_message_count_as_one() -> None:
    record = AnswerRecord.of(np.concatenate([PROBABILITIES, PROBABILITIES]), TRUTH)
    assert len(record.confidence) == 6
    assert record.n_messages == 3


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    record = AnswerRecord.of(PROBABILITIES, TRUTH, np.array([[0.1, 0.2, 0.3]]))
    assert record.export(tmp_path) == KIND
    for one, other in zip(vars(record).values(), vars(AnswerRecord.load(PartFiles(tmp_path), 2)).values(), strict=True):
        assert np.array_equal(one, other)


def test_a_record_without_answers_is_refused(tmp_path: Path) -> None:
    AnswerRecord.of(PROBABILITIES[:, :0], TRUTH[:0]).export(tmp_path)
    with pytest.raises(BundleDamaged, match="no answers"):
        AnswerRecord.load(PartFiles(tmp_path), 2)


@pytest.mark.parametrize(
    ("changes", "n_labels", "problem"),
    [
        ({}, 1, "a class that the model does not have"),
        ({"predicted": np.array([-1, 0, 0])}, 2, "a class that the model does not have"),
        ({"right": np.array([True])}, 2, "differ in length"),
        ({"n_repeats": 2}, 2, "number of repeats"),
        ({"n_repeats": 0}, 2, "number of repeats"),
        ({"confidence": np.array([0.5, 0.6, 1.5], np.float32)}, 2, "from 0 to 1"),
        ({"confidence": np.array([0.5, 0.6, np.nan], np.float32)}, 2, "not numbers"),
        ({"confidence": np.array([0.9, 0.8, 0.6], np.float32)}, 2, "order of confidence"),
        ({"novelty": np.array([0.5, 0.6, -1], np.float32)}, 2, "from 0 to 1"),
        ({"is_none": np.array([False, False, True])}, 2, "none of the classes is called right"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, object], n_labels: int, problem: str
) -> None:
    replace(AnswerRecord.of(PROBABILITIES, TRUTH), **changes).export(tmp_path)  # type: ignore[arg-type]
    with pytest.raises(BundleDamaged, match=problem):
        AnswerRecord.load(PartFiles(tmp_path), n_labels)
