"""Settings that evolve: tournament, crossover and mutation by DEAP, on typed settings.

What happens depends on the seed and on what the evaluations found alone, so a search that was stopped is
played again from the start with what is known already, and ends where an undisturbed one ends.
"""

import random as global_random
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from deap import algorithms, base, tools

from firstline.search.evaluating import Outcome
from firstline.search.space import Space, Value, crossed, defaults_of, draw, mutated

Settings = Mapping[str, Value]
Evaluate = Callable[[Sequence[Settings], Sequence[int]], Iterable[tuple[Settings, Outcome]]]
"""Settings, and the guesses of the best so far -> each with its outcome, in any order; fewer where time is up."""

_MOST_TRIES = 50


@dataclass(frozen=True)
class Plan:
    """How settings evolve: the search ends after `patience` generations without an improvement.

    Of each generation, `crossover` is the share that two parents are mixed for, `mutation` that is changed.
    """

    population: int = 12
    generations: int = 20
    patience: int = 5
    tournament: int = 3
    crossover: float = 0.6
    mutation: float = 0.6
    seed: int = 0


@dataclass(frozen=True)
class Trial:
    """Settings, and the outcome of their evaluation."""

    settings: Settings
    outcome: Outcome


@dataclass(frozen=True)
class Generation:
    """A generation that is whole: `best` of all so far, `mean` score of those that live, and how the new ones went.

    `n_stopped` were given up as hopeless, `n_failed` failed.
    """

    number: int
    best: Trial
    mean: float
    n_new: int
    n_stopped: int
    n_failed: int


class _Fitness(base.Fitness):  # type: ignore[misc]
    weights = (1.0,)


class _Individual(dict[str, Value]):
    """Settings with DEAP's fitness."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.fitness = _Fitness()


def evolve(
    space: Space, plan: Plan, evaluate: Evaluate, start: Settings | None = None
) -> Generator[Trial | Generation, None, tuple[list[Trial], bool]]:
    """Evolve settings; yields each trial as it is known. Ends with the last population, best first.

    The first trial is `start`, or the defaults, which are what has to be beaten.
    The second thing that it ends with tells whether it came to its end; if not, `evaluate` had no time left.
    """
    history = _History()
    first = _Individual(start if start is not None else defaults_of(space))
    is_asked = yield from history.ask([first], evaluate, ())
    if not is_asked or history.outcome(first).problem:
        return history.population([first]), False
    with _dice(plan.seed, 0) as dice:
        drawn = [{name: draw(setting, dice) for name, setting in space.items()} for _ in range(plan.population - 1)]
        new = _new(drawn, space, dice, history.knows)
    population = [first]
    best: Trial | None = None
    n_same = 0
    for number in range(plan.generations + 1):
        if not (yield from history.ask(new, evaluate, history.best.outcome.guesses)):
            return history.population(population), False
        population = tools.selBest([*population, *new], plan.population)
        outcomes = [history.outcome(one) for one in new]
        yield Generation(
            number,
            history.best,
            sum(history.outcome(one).score for one in population) / len(population),
            len(new),
            sum(found.is_stopped for found in outcomes),
            sum(bool(found.problem) for found in outcomes),
        )
        # How many generations have found nothing better.
        n_same = n_same + 1 if history.best is best else 0
        best = history.best
        if n_same >= plan.patience:
            break
        with _dice(plan.seed, number + 1) as dice:
            new = _offspring(population, history, space, plan, dice)
        if not new:
            break
    return history.population(population), True


class _History:
    """All trials of a search."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}
        self.best = Trial({}, Outcome(0.0, 0, 0.0))

    def ask(
        self, individuals: Sequence[_Individual], evaluate: Evaluate, rival: Sequence[int]
    ) -> Generator[Trial, None, bool]:
        """Have all of them evaluated; False if time was up before."""
        for settings, outcome in evaluate([dict(one) for one in individuals], rival):
            self._outcomes[spelled(settings)] = outcome
            yield Trial(settings, outcome)
        for one in individuals:
            found = self._outcomes.get(spelled(one))
            if found is None:
                return False
            one.fitness.values = (found.score,)
            # By the order of the generation, not by which came first.
            if found.is_whole and (found.score > self.best.outcome.score or not self.best.settings):
                self.best = Trial(dict(one), found)
        return True

    def outcome(self, settings: Settings) -> Outcome:
        return self._outcomes[spelled(settings)]

    def knows(self, settings: Settings) -> bool:
        return spelled(settings) in self._outcomes

    def population(self, individuals: Sequence[_Individual]) -> list[Trial]:
        return [Trial(dict(one), self.outcome(one)) for one in individuals if self.knows(one)]


def _offspring(
    population: Sequence[_Individual], history: _History, space: Space, plan: Plan, dice: Random
) -> list[_Individual]:
    toolbox = base.Toolbox()
    toolbox.register("mate", _mated, space=space, dice=dice)
    toolbox.register("mutate", _mutated, space=space, dice=dice)
    parents = tools.selTournament(population, plan.population, min(plan.tournament, len(population)))
    children = algorithms.varAnd(parents, toolbox, plan.crossover, plan.mutation)
    return _new(children, space, dice, history.knows)


def _new(
    individuals: Iterable[Settings],
    space: Space,
    dice: Random,
    is_known: Callable[[Settings], bool],
) -> list[_Individual]:
    """Each of them, but mutated where it is known or there twice; fewer where the space has no more."""
    found: list[_Individual] = []
    names: set[str] = set()
    for drawn in individuals:
        one = _Individual(drawn)
        for _ in range(_MOST_TRIES):
            if not is_known(one) and spelled(one) not in names:
                names.add(spelled(one))
                found.append(one)
                break
            _mutated(one, space, dice)
    return found


def _mated(one: _Individual, other: _Individual, space: Space, dice: Random) -> tuple[_Individual, _Individual]:
    """Each setting of both children comes from both parents, by its type."""
    for name, setting in space.items():
        values = one[name], other[name]
        one[name], other[name] = crossed(setting, *values, dice), crossed(setting, *values, dice)
    return one, other


def _mutated(one: _Individual, space: Space, dice: Random) -> tuple[_Individual]:
    """One setting is changed, and each other by chance, so that one more is on average."""
    sure = dice.choice(sorted(space))
    for name, setting in space.items():
        if name == sure or dice.random() < 1 / len(space):
            one[name] = mutated(setting, one[name], dice)
    return (one,)


def spelled(settings: Settings) -> str:
    """Settings as a word that is the same for the same settings."""
    return " ".join(f"{name}={settings[name]!r}" for name in sorted(settings))


@contextmanager
def _dice(seed: int, generation: int) -> Iterator[Random]:
    """What is random in a generation; DEAP draws from Python's own generator, which is left as it was."""
    state = global_random.getstate()
    global_random.seed(f"{seed} {generation}")
    try:
        yield Random(f"{seed} {generation} settings")
    finally:
        global_random.setstate(state)
