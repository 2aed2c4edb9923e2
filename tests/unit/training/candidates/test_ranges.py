"""Typed settings: what is wrong with a value is said."""

import pytest

from firstline.training.candidates import checked
from firstline.training.candidates.ranges import Choice, Decimal, Integer, Setting, problems_of


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
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
def test_what_is_wrong_with_a_value_is_said(setting: Setting, value: object, problem: str) -> None:
    assert setting.problem(value) == problem


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
            "(how closely the labels are followed; lower is smoother) expected a number from 0.1",
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
