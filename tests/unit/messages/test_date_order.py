from collections.abc import Sequence

import pytest

from firstline.messages.date_order import DateOrder


def order_of(times: Sequence[str], conversations: Sequence[str | None] = ()) -> str | None:
    order = DateOrder()
    for line, (time, conversation) in enumerate(zip(times, conversations or [None] * len(times), strict=True), start=2):
        order.add(line, time, conversation)
    found = order.decided()
    return found.order if found else None


@pytest.mark.parametrize("sign", ["/", "-"])
def test_a_date_with_one_reading_decides(sign: str) -> None:
    assert order_of([f"01{sign}02{sign}2026", f"05{sign}23{sign}2026"]) == "month_first"
    assert order_of([f"01{sign}02{sign}2026", f"23{sign}05{sign}2026"]) == "day_first"


def test_am_and_pm_have_the_month_first() -> None:
    assert order_of(["01/02/2026 9:00 AM"]) == "month_first"


def test_a_conversation_in_order_of_time_decides() -> None:
    times = ["02/11/2026 10:00", "03/01/2026 10:00", "04/02/2026 10:00"]
    assert order_of(times, ["A", "A", "A"]) == "month_first"


def test_order_wins_over_am_and_pm() -> None:
    times = ["11/02/2026 9:00 AM", "01/03/2026 9:00 AM", "02/04/2026 9:00 AM"]
    assert order_of(times, ["A", "A", "A"]) == "day_first"


def test_rows_of_other_conversations_are_not_compared() -> None:
    assert order_of(["02/11/2026", "01/03/2026"], ["A", "B"]) is None


def test_a_few_rows_outside_conversations_are_in_order_by_chance() -> None:
    assert order_of(["02/11/2026", "03/01/2026", "04/02/2026"]) is None


def test_many_rows_in_order_decide() -> None:
    assert order_of([f"{month:02}/{month * 5 % 12 + 1:02}/2026" for month in range(1, 12)]) == "month_first"


def test_dates_in_both_orders_are_mixed() -> None:
    order = DateOrder()
    order.add(2, "13/02/2026", None)
    order.add(3, "02/13/2026", None)
    assert order.is_mixed


@pytest.mark.parametrize(
    "value", ["01.02.2026", "2026-01-02", "2026/01/02", "завтра", "01/02/2026 в обед", "26-01-02", None, 1769854830]
)
def test_what_has_one_reading_is_not_open(value: object) -> None:
    order = DateOrder()
    order.add(2, value, None)
    assert order.n_open == 0


def test_the_same_day_in_both_readings_is_not_ambiguous() -> None:
    order = DateOrder()
    order.add(2, "03/03/2026", None)
    assert (order.n_open, order.n_ambiguous) == (1, 0)
