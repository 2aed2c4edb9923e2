"""Settings that evolve, on a function that takes no time."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from firstline.search.evaluating import Outcome
from firstline.search.evolution import Generation, Plan, Settings, Trial, evolve, spelled
from firstline.search.space import Space
from firstline.steps import run_to_end
from firstline.training.candidates.ranges import Choice, Decimal, Integer

SPACE: Space = {
    "C": Decimal(0.01, 1_000.0, 30.0, is_log=True),
    "n": Integer(0, 50, 3),
    "kind": Choice(("a", "b", "c"), "a"),
}
PLAN = Plan(population=10, generations=15, patience=15)


def quality(settings: Settings) -> float:
    """1 at C 1, n 40, kind c."""
    from math import log10

    return (
        1 - abs(log10(float(settings["C"]))) / 5 - abs(int(settings["n"]) - 40) / 100 - 0.2 * (settings["kind"] != "c")
    )


class Judge:
    """Evaluates at once; has time for `n_most` evaluations."""

    def __init__(self, n_most: int = 10_000) -> None:
        self.asked: list[str] = []
        self.n_most = n_most

    def __call__(self, many: Sequence[Settings], rival: Sequence[int]) -> Iterator[tuple[Settings, Outcome]]:
        # The last first: nothing may depend on which answer comes first.
        for settings in reversed(many):
            if len(self.asked) >= self.n_most:
                return
            self.asked.append(spelled(settings))
            yield settings, self.judge(settings)

    def judge(self, settings: Settings) -> Outcome:
        return Outcome(quality(settings), 5, 0.0, (0,))


def run(judge: Judge, plan: Plan = PLAN) -> tuple[list[Trial], bool, list[Generation]]:
    generations: list[Generation] = []
    population, is_over = run_to_end(
        evolve(SPACE, plan, judge), lambda event: generations.append(event) if isinstance(event, Generation) else None
    )
    return population, is_over, generations


def test_it_gets_near_the_best_settings_there_are() -> None:
    population, is_over, generations = run(Judge())
    assert is_over
    assert population[0].outcome.score > 0.9
    assert quality({"C": 30.0, "n": 3, "kind": "a"}) < 0.2
    assert generations[-1].best == population[0]


def test_the_defaults_are_tried_first_and_the_best_never_gets_worse() -> None:
    judge = Judge()
    _, _, generations = run(judge)
    assert judge.asked[0] == spelled({"C": 30.0, "n": 3, "kind": "a"})
    scores = [generation.best.outcome.score for generation in generations]
    assert scores == sorted(scores)


def test_nothing_is_evaluated_twice() -> None:
    judge = Judge()
    run(judge)
    assert len(set(judge.asked)) == len(judge.asked)


def test_the_same_seed_gives_the_same_population_and_another_another() -> None:
    first, again = run(Judge())[0], run(Judge())[0]
    assert first == again
    assert run(Judge(), replace(PLAN, seed=1))[0] != first


def test_other_peoples_random_numbers_stay_theirs() -> None:
    random.seed(7)
    expected = [random.random() for _ in range(3)]
    random.seed(7)
    run(Judge())
    assert [random.random() for _ in range(3)] == expected


@pytest.mark.parametrize("n_most", [1, 5, 23])
def test_where_time_is_up_it_says_so_and_keeps_what_it_has(n_most: int) -> None:
    population, is_over, _ = run(Judge(n_most))
    assert not is_over
    assert population


def test_no_time_at_all_gives_nothing() -> None:
    assert run(Judge(0))[:2] == ([], False)


def test_it_ends_where_nothing_gets_better() -> None:
    class Flat(Judge):
        def judge(self, settings: Settings) -> Outcome:
            return Outcome(0.5, 5, 0.0, (0,))

    _, is_over, generations = run(Flat(), replace(PLAN, patience=3))
    assert is_over
    assert len(generations) == 4


def test_failures_and_those_given_up_are_counted_and_never_best() -> None:
    class Harsh(Judge):
        def judge(self, settings: Settings) -> Outcome:
            if settings["kind"] == "b":
                return Outcome(0.0, 0, 0.0, problem="it fell over")
            if settings["kind"] == "c":
                return Outcome(0.99, 1, 0.0, (0, -1))
            return super().judge(settings)

    _, _, generations = run(Harsh())
    assert sum(generation.n_failed for generation in generations) > 0
    assert sum(generation.n_stopped for generation in generations) > 0
    assert {generation.best.settings["kind"] for generation in generations} == {"a"}


def test_defaults_that_fail_end_it_at_once() -> None:
    class Broken(Judge):
        def judge(self, settings: Settings) -> Outcome:
            return Outcome(0.0, 0, 0.0, problem="no memory")

    judge = Broken()
    population, is_over, _ = run(judge)
    assert not is_over
    assert [trial.outcome.problem for trial in population] == ["no memory"]
    assert len(judge.asked) == 1


def test_a_small_space_is_searched_to_its_end() -> None:
    space: Space = {"kind": Choice(("a", "b", "c"), "a")}
    judge = Judge()

    def three(many: Sequence[Settings], rival: Sequence[int]) -> Iterator[tuple[Settings, Outcome]]:
        for settings in many:
            judge.asked.append(spelled(settings))
            yield settings, Outcome(0.5, 5, 0.0, (0,))

    population, is_over = run_to_end(evolve(space, PLAN, three))
    assert is_over
    assert sorted(judge.asked) == ["kind='a'", "kind='b'", "kind='c'"]
    assert len(population) == 3
