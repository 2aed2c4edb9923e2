import pytest

from firstline.language_models.schedule import WARM_UP_STEPS, Pace, Schedule


def course(schedule: Schedule, round_s: float = 1.0) -> tuple[int, int]:
    """Rounds of the trunk and of the cool-down."""
    n_trunk = schedule.start
    while not schedule.trunk_is_done(n_trunk, (n_trunk - schedule.start) * round_s):
        n_trunk += 1
    return n_trunk - schedule.start, schedule.n_cool_down(n_trunk)


@pytest.mark.parametrize(
    ("n_rounds", "expected"), [(2, (1, 1)), (5, (4, 1)), (7, (6, 1)), (10, (8, 2)), (100, (80, 20))]
)
@pytest.mark.parametrize("start", [0, 13])
def test_the_last_fifth_of_the_rounds_cools_down(start: int, n_rounds: int, expected: tuple[int, int]) -> None:
    assert course(Schedule(start, n_rounds)) == expected


def test_a_stretch_of_one_round_has_a_cool_down_as_well() -> None:
    assert course(Schedule(0, 1)) == (1, 1)


@pytest.mark.parametrize("start", [0, 13])
def test_the_cool_down_begins_after_four_fifths_of_the_time(start: int) -> None:
    assert course(Schedule(start, limit_s=100), round_s=2.0) == (40, 10)


@pytest.mark.parametrize(("limit_s", "expected"), [(50, (40, 10)), (500, (80, 20))])
def test_the_first_bound_ends_the_trunk(limit_s: float, expected: tuple[int, int]) -> None:
    assert course(Schedule(0, 100, limit_s)) == expected


def test_a_trunk_that_is_longer_than_asked_for_has_its_whole_cool_down() -> None:
    assert Schedule(0, 10).n_cool_down(40) == 10


def test_the_rounds_that_are_expected() -> None:
    assert Schedule(5, 100).expected_rounds(10, 20.0) == 100
    assert Schedule(5, limit_s=100).expected_rounds(10, 20.0) == 50
    assert Schedule(5, 100, 100).expected_rounds(10, 20.0) == 50
    assert Schedule(5, limit_s=100).expected_rounds(8, 99.0) == 10


def test_the_rate_warms_up_once_and_stays() -> None:
    pace = Pace(n_steps=30)
    assert pace(0) == 1 / WARM_UP_STEPS
    assert pace(5) == pytest.approx(0.5, abs=0.01)
    assert pace(10) == pace(1_000) == 1.0


def test_the_rate_cools_down_to_nothing() -> None:
    pace = Pace(n_steps=30, n_trunk=100, n_cool_down=16)
    assert [pace(place) for place in (50, 100, 104, 116, 120)] == [1.0, 1.0, 0.5, 0.0, 0.0]
