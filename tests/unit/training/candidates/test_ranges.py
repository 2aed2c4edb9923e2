"""Typed settings: what is drawn, mutated and crossed stays in its range and of its type."""

from random import Random

import pytest

from firstline.training.candidates import CLASSES, checked, find_candidate
from firstline.training.candidates.ranges import Choice, Decimal, Dimension, Integer, problems_of, space_of

DIMENSIONS = [
    Integer(1, 3, 2),
    Integer(5, 5, 5),
    Decimal(0.0, 0.5, 0.1),
    Decimal(0.1, 1_000.0, 30.0, is_log=True),
    Choice((True, False), True),
    Choice(("sqrt", "log2"), "sqrt"),
    *(dimension for name in CLASSES for dimension in space_of(find_candidate(name).settings_type).values()),
]


@pytest.mark.parametrize("dimension", DIMENSIONS, ids=repr)
def test_every_value_is_in_range_and_of_its_type(dimension: Dimension) -> None:
    dice = Random(0)
    values = [dimension.draw(dice) for _ in range(50)]
    values += [dimension.mutated(value, dice) for value in values]
    values += [dimension.crossed(one, other, dice) for one, other in zip(values, reversed(values), strict=True)]
    assert {dimension.problem(value) for value in [*values, dimension.default]} == {""}


@pytest.mark.parametrize(
    "dimension", [Integer(1, 9, 2), Decimal(0.1, 10.0, 1.0, is_log=True), Choice((True, False), True)]
)
def test_a_mutation_changes_the_value(dimension: Dimension) -> None:
    dice = Random(0)
    assert all(dimension.mutated(dimension.default, dice) != dimension.default for _ in range(50))


def test_mutations_reach_the_whole_range_and_mostly_stay_near() -> None:
    dice, dimension = Random(0), Integer(0, 100, 50)
    moved = [dimension.mutated(50, dice) for _ in range(2_000)]
    assert min(moved) < 10
    assert max(moved) > 90
    assert sum(30 <= value <= 70 for value in moved) > 1_200


def test_a_magnitude_is_drawn_by_its_logarithm() -> None:
    dice, dimension = Random(0), Decimal(0.01, 100.0, 1.0, is_log=True)
    drawn = [dimension.draw(dice) for _ in range(2_000)]
    assert 900 < sum(value < 1 for value in drawn) < 1_100


def test_a_crossing_lies_between_its_parents() -> None:
    dice = Random(0)
    assert all(2 <= Integer(0, 10, 5).crossed(2, 4, dice) <= 4 for _ in range(50))
    assert all(0.2 <= Decimal(0.0, 1.0, 0.5).crossed(0.4, 0.2, dice) <= 0.4 for _ in range(50))
    assert {Choice(("a", "b", "c"), "a").crossed("a", "c", dice) for _ in range(50)} == {"a", "c"}


@pytest.mark.parametrize(
    ("dimension", "value", "problem"),
    [
        (Integer(1, 3, 2), 4, "expected a whole number from 1 to 3, got 4"),
        (Integer(1, 3, 2), 2.0, "expected a whole number from 1 to 3, got 2.0"),
        (Integer(0, 3, 2), True, "expected a whole number from 0 to 3, got True"),
        (Decimal(0.0, 1.0, 0.5), float("nan"), "expected a number from 0 to 1, got nan"),
        (Decimal(0.0, 1.0, 0.5), "0.5", "expected a number from 0 to 1, got '0.5'"),
        (Choice((True, False), True), 1, "expected one of true, false, got 1"),
        (Choice(("sqrt", "log2"), "sqrt"), "cube", "expected one of 'sqrt', 'log2', got 'cube'"),
    ],
)
def test_what_is_wrong_with_a_value_is_said(dimension: Dimension, value: object, problem: str) -> None:
    assert dimension.problem(value) == problem


def test_a_number_without_point_is_a_decimal_too() -> None:
    assert Decimal(0.1, 1_000.0, 30.0).problem(12) == ""


def test_a_setting_that_is_none_is_named() -> None:
    assert problems_of({"D": 1}, {"C": Integer(0, 1, 0)}) == {"D": "is not a setting; known: C"}


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ({"linear.v9": {}}, "there is no candidate 'linear.v9'"),
        (
            {"linear.v1": {"C": -1}},
            "(how closely to follow the labels; lower is smoother) expected a number from 0.1",
        ),
        ({"linear.v1": {"C": -1}}, "'candidates.\"linear.v1\".C'"),
        ({"blend.v1": {}}, "there is no candidate 'blend.v1'"),
    ],
)
def test_settings_of_candidates_are_checked(candidates: dict[str, dict[str, int]], said: str) -> None:
    from firstline.errors import SettingsInvalid

    with pytest.raises(SettingsInvalid) as caught:
        checked(candidates)
    assert said in caught.value.message
