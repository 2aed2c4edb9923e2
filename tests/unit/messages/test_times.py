from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.messages.times import read_time


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31 10:20:30",
        "2026-01-31T10:20:30",
        "2026-01-31T13:20:30+03:00",
        "2026-01-31T10:20:30Z",
        "2026/1/31 10:20:30",
        "31.01.2026 10:20:30",
        "31.01.26 10:20:30",
        " 31/01/2026, 10:20:30 ",
        "1769854830",
        "1769854830000",
        1769854830,
        1769854830.0,
        datetime(2026, 1, 31, 10, 20, 30),
        datetime(2026, 1, 31, 13, 20, 30, tzinfo=timezone(timedelta(hours=3))),
    ],
)
def test_one_moment_in_its_many_spellings(value: object) -> None:
    assert read_time(value) == datetime(2026, 1, 31, 10, 20, 30)


@pytest.mark.parametrize(
    "value",
    [
        "Sat, 31 Jan 2026 13:20:30 +0300",
        "Sat, 31 Jan 2026 13:20:30 +0300 (Moscow Standard Time)",
        "31 Jan 2026 10:20:30 GMT",
        "31 jan 2026, 10:20:30",
        "31 Jan 2026 05:20:30 EST",
        "31 Jan 2026 10:20:30 AM",
        "Sat Jan 31 13:20:30 +0300 2026",
        "Sat Jan 31 10:20:30 2026",
    ],
)
def test_the_month_may_be_an_english_name(value: str) -> None:
    assert read_time(value) == datetime(2026, 1, 31, 10, 20, 30)


@pytest.mark.parametrize(("value", "hour"), [("31 Jan 2026", 0), ("31 Jan 2026 14:00", 14), ("31 Jan 2026 2 PM", 14)])
def test_with_the_name_of_a_month_the_clock_may_be_short_or_missing(value: str, hour: int) -> None:
    assert read_time(value) == datetime(2026, 1, 31, hour)


@pytest.mark.parametrize(
    "value",
    ["32 Jan 2026", "31 Jan", "31 Foo 2026", "31 Jan 2026 10:20 MSK", "31 Jan 2026 25:00", "31 Jan 2026 1:00 +9999"],
)
def test_what_only_begins_like_a_date_with_a_name_is_none(value: str) -> None:
    assert read_time(value) is None


@pytest.mark.parametrize("value", ["31.01.2026", "2026-01-31", "20260131", "2026/01/31", date(2026, 1, 31)])
def test_a_day_is_its_midnight(value: object) -> None:
    assert read_time(value) == datetime(2026, 1, 31)


@pytest.mark.parametrize("milliseconds", [1712010112000, 1712121212000, 1705102312000])
def test_milliseconds_that_look_like_a_day_long_ago_are_milliseconds(milliseconds: int) -> None:
    expected = datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)
    assert read_time(str(milliseconds)) == expected


@pytest.mark.parametrize(
    "value", ["вчера", "26-01-31", "", "31.13.2026", "45000", "9" * 400, "nan", "inf", [], True, "25:00", "٣"]
)
def test_what_is_no_time_is_none(value: object) -> None:
    assert read_time(value) is None


@given(st.text(max_size=30) | st.from_regex(r"[0-9./: ,T+-]{1,25}", fullmatch=True) | st.floats() | st.integers())
def test_nothing_raises(value: object) -> None:
    moment = read_time(value)
    assert moment is None or moment.tzinfo is None


@pytest.mark.parametrize(
    "value", ["01/31/2026 10:20:30", "1/31/26, 10:20:30 AM", "01-31-2026 10:20:30", "01/31/2026 10:20:30\u202fam"]
)
def test_the_month_may_come_first(value: str) -> None:
    assert read_time(value, month_first=True) == datetime(2026, 1, 31, 10, 20, 30)


def test_with_dots_the_day_comes_first_always() -> None:
    assert read_time("01.02.2026", month_first=True) == datetime(2026, 2, 1)


@pytest.mark.parametrize(
    ("value", "hour"),
    [("2026-01-31 12:00 AM", 0), ("2026-01-31 12:00 PM", 12), ("31/01/2026 9:00 p.m.", 21), ("31/01/2026 9 PM", 21)],
)
def test_half_days_are_read(value: str, hour: int) -> None:
    assert read_time(value) == datetime(2026, 1, 31, hour)


@pytest.mark.parametrize("value", ["2026-01-31 13:00 PM", "31/01/2026 0:30 AM", "31/01/2026 PM", "9 AM"])
def test_half_days_that_are_none_are_not_read(value: str) -> None:
    assert read_time(value) is None
