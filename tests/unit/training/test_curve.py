from types import SimpleNamespace
from typing import Any

import pytest

from firstline.steps import Note
from firstline.training.curve import curve_in_budget


def evaluated(name: str, seconds: float) -> Any:
    return SimpleNamespace(name=name, answers=SimpleNamespace(seconds=seconds), result=SimpleNamespace(mixture=None))


@pytest.mark.parametrize(("left_s", "most"), [(30.0, "30 s left"), (900.0, "1.0 min at most for a curve")])
def test_a_curve_that_takes_too_long_says_what_time_it_has(left_s: float, most: str) -> None:
    comparison: Any = SimpleNamespace(
        request=SimpleNamespace(has_curve=True, is_named_any_time=False),
        folds=SimpleNamespace(n_all=1, data=SimpleNamespace(labels=[])),
        budget=SimpleNamespace(left_s=left_s),
    )
    slow, quick = evaluated("slow.v1", 90.0), evaluated("quick.v1", 30.0)
    assert list(curve_in_budget(slow, [slow, quick], comparison)) == [
        Note(f"no learning curve: even the quickest candidate, quick.v1, needs at least 2.0 min, with {most}")
    ]
