import os
from collections.abc import Iterator

import pytest

from firstline.errors import FirstlineError, ScoresNotFinite
from firstline.messages.ahead import by_another_core, in_other_processes


def squared(number: int) -> tuple[int, int]:
    if number < 0:
        raise ScoresNotFinite("no probabilities", "train again")
    if number > 1_000:
        os._exit(9)
    return os.getpid(), number * number


def doubled(numbers: list[int]) -> list[int]:
    return [2 * number for number in numbers]


def test_results_come_in_order_from_other_processes() -> None:
    made = list(in_other_processes(squared, range(20), 2))
    assert [square for _, square in made] == [number * number for number in range(20)]
    assert os.getpid() not in {process for process, _ in made}


def test_only_some_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = in_other_processes(squared, items(), 2)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 10


def test_an_error_comes_with_its_next_step() -> None:
    with pytest.raises(ScoresNotFinite, match="no probabilities") as raised:
        list(in_other_processes(squared, [1, -1, 2], 1))
    assert raised.value.next_step == "train again"


def test_a_process_that_ends_is_an_error() -> None:
    with pytest.raises(FirstlineError, match="ended from outside"):
        list(in_other_processes(squared, [1, 2_000, 3], 1))


def test_a_list_of_results_is_made_one_after_the_other() -> None:
    assert list(by_another_core(doubled, range(2_500))) == list(range(0, 5_000, 2))
