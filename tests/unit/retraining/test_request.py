import pytest

from firstline.retraining.request import request_of
from firstline.settings import Settings
from firstline.settings.model import TrainingSettings

SETTINGS = Settings(training=TrainingSettings(candidates=("linear.v1",), folds=4, seed=7, minutes=3, latency_ms=9))


def test_what_is_not_given_is_as_in_the_settings() -> None:
    found = request_of(SETTINGS)
    assert (found.candidates, found.folds, found.seed, found.minutes) == (("linear.v1",), 4, 7, 3)
    assert (found.latency_ms, found.is_named_any_time) == (9, False)


def test_what_is_given_comes_first_even_if_it_is_zero() -> None:
    found = request_of(SETTINGS, ["lsa.v1"], folds=2, seed=0, minutes=0, latency_ms=0)
    assert (found.candidates, found.folds, found.seed, found.minutes) == (("lsa.v1",), 2, 0, None)
    assert found.latency_ms is None


@pytest.mark.parametrize(("minutes", "any_time"), [(None, True), (5, False)])
def test_named_candidates_have_any_time_unless_minutes_are_given(minutes: float | None, any_time: bool) -> None:
    assert request_of(SETTINGS, ["lsa.v1"], minutes=minutes).has_any_time("lsa.v1") == any_time


def test_the_time_limit_of_the_settings_does_not_apply_on_a_cluster() -> None:
    assert request_of(SETTINGS, is_on_cluster=True).minutes is None
    assert request_of(SETTINGS, minutes=2, is_on_cluster=True).minutes == 2
