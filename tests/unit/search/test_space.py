"""What is drawn, mutated and crossed stays in its range and of its type."""

from random import Random
from typing import Any

import pytest

from firstline.search.space import Searched, crossed, draw, mutated, space_of
from firstline.training.candidates import CLASSES, find_candidate
from firstline.training.candidates.ranges import Choice, Decimal, Integer

SETTINGS = [
    Integer(1, 3, 2),
    Integer(5, 5, 5),
    Decimal(0.0, 0.5, 0.1),
    Decimal(0.1, 1_000.0, 30.0, is_log=True),
    Choice((True, False), True),
    Choice(("sqrt", "log2"), "sqrt"),
    *(setting for name in CLASSES for setting in space_of(find_candidate(name).settings_type).values()),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=repr)
def test_every_value_is_in_range_and_of_its_type(setting: Searched) -> None:
    dice = Random(0)
    values = [draw(setting, dice) for _ in range(50)]
    values += [mutated(setting, value, dice) for value in values]
    values += [crossed(setting, one, other, dice) for one, other in zip(values, reversed(values), strict=True)]
    assert {setting.problem(value) for value in [*values, setting.default]} == {""}


@pytest.mark.parametrize(
    "setting", [Integer(1, 9, 2), Decimal(0.1, 10.0, 1.0, is_log=True), Choice((True, False), True)]
)
def test_a_mutation_changes_the_value(setting: Searched) -> None:
    dice = Random(0)
    assert all(mutated(setting, setting.default, dice) != setting.default for _ in range(50))


def test_mutations_reach_the_whole_range_and_mostly_stay_near() -> None:
    dice, setting = Random(0), Integer(0, 100, 50)
    moved: list[Any] = [mutated(setting, 50, dice) for _ in range(2_000)]
    assert min(moved) < 10
    assert max(moved) > 90
    assert sum(30 <= value <= 70 for value in moved) > 1_200


def test_a_magnitude_is_drawn_by_its_logarithm() -> None:
    dice, setting = Random(0), Decimal(0.01, 100.0, 1.0, is_log=True)
    drawn: list[Any] = [draw(setting, dice) for _ in range(2_000)]
    assert 900 < sum(value < 1 for value in drawn) < 1_100


def test_a_crossing_lies_between_its_parents() -> None:
    dice = Random(0)
    whole: list[Any] = [crossed(Integer(0, 10, 5), 2, 4, dice) for _ in range(50)]
    decimals: list[Any] = [crossed(Decimal(0.0, 1.0, 0.5), 0.4, 0.2, dice) for _ in range(50)]
    assert all(2 <= value <= 4 for value in whole)
    assert all(0.2 <= value <= 0.4 for value in decimals)
    assert {crossed(Choice(("a", "b", "c"), "a"), "a", "c", dice) for _ in range(50)} == {"a", "c"}
