"""How far people agree: published examples of alpha, intervals, and which classes they mix up."""

import numpy as np
import pytest

from firstline.evaluation.agreement import ClassAgreement, MixedUp, agreement, krippendorff_alpha
from firstline.evaluation.metrics import wilson
from firstline.types import Label


def labelled(one: str, other: str) -> list[tuple[Label, Label]]:
    """Messages that two people labelled, a letter for each."""
    return list(zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        # Examples A and B of Krippendorff 2011.
        ("0100000010", "1110010000", 0.095),
        ("aabbdcccedda", "babbbccceddd", 0.692),
        ("ababab", "ababab", 1.0),
        ("ab", "ba", -0.5),
    ],
)
def test_alpha_of_two_people(one: str, other: str, expected: float) -> None:
    assert agreement(labelled(one, other)).alpha == pytest.approx(expected, abs=5e-4)


def test_alpha_of_more_people_counts_each_pair_of_them() -> None:
    # Example C of Krippendorff 2011, nominal: four people, and not all of them on each message.
    units = ["111", "2223", "3333", "3333", "2222", "1234", "4444", "1112", "2222", "555", "11"]
    values = [int(name) - 1 for unit in units for name in unit]
    places = [row for row, unit in enumerate(units) for _ in unit]
    counts = np.zeros((len(units), 5), np.int64)
    np.add.at(counts, (places, values), 1)
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_one_class_alone_has_no_alpha() -> None:
    found = agreement(labelled("aaa", "aaa"))
    assert (found.share, found.alpha, found.alpha_interval) == (1, None, None)


def test_intervals_hold_the_figure_and_shrink_with_more_messages() -> None:
    few = agreement(labelled("aabbc" * 10, "aabcc" * 10))
    many = agreement(labelled("aabbc" * 100, "aabcc" * 100))
    assert few.alpha_interval is not None
    assert many.alpha_interval is not None
    assert few.alpha is not None
    assert few.alpha_interval[0] < few.alpha < few.alpha_interval[1] <= 1
    width, narrow = (high - low for low, high in (few.alpha_interval, many.alpha_interval))
    assert narrow == pytest.approx(width / np.sqrt(10), rel=0.2)
    assert few.share_interval == wilson(0.8, 50)
    assert agreement(labelled("aabbc" * 10, "aabcc" * 10)) == few


def test_an_interval_is_not_of_no_width_because_all_agree() -> None:
    found = agreement(labelled("ab" * 20, "ab" * 20))
    assert found.alpha_interval is not None
    low, high = found.alpha_interval
    assert high == 1
    # Half of the messages would be equal by chance.
    assert low == pytest.approx(1 - (1 - wilson(1, 40)[0]) / 0.5)


def test_classes_that_people_mix_up() -> None:
    found = agreement([("b", "a"), ("a", "b"), ("a", "c"), ("a", "a"), ("c", "c"), ("d", "d")])
    assert found.mixed_up == [MixedUp("a", "b", 2), MixedUp("a", "c", 1)]
    assert found.classes == [
        ClassAgreement("a", 4, 1, wilson(1 / 4, 4)),
        ClassAgreement("b", 2, 0, wilson(0, 2)),
        ClassAgreement("c", 2, 1, wilson(1 / 2, 2)),
        ClassAgreement("d", 1, 1, wilson(1, 1)),
    ]


@pytest.mark.parametrize("units", [[], [("a",)], [("a", "b"), ("a",)]])
def test_a_message_without_a_second_label_cannot_be_measured(units: list[tuple[Label, ...]]) -> None:
    with pytest.raises(ValueError, match="two people"):
        agreement(units)
