"""Runs generators that yield steps and return a result, which is the form of all long work here."""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeVar

Event = TypeVar("Event")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Note:
    """Something that people should know."""

    text: str


@dataclass(frozen=True)
class Step:
    """One step of a command is under way or done: `done` of `total`, which may not be known."""

    what: str
    done: int = 0
    total: int | None = None


@dataclass(frozen=True)
class Stage:
    """How far one part of a step has come, such as an epoch of a network: `done` of `total`, and what else to show."""

    what: str
    done: int
    total: int
    detail: str = ""


def run_to_end(steps: Generator[Event, None, Result], on_step: Callable[[Event], object] = lambda step: None) -> Result:
    """Run a generator, handing each step to `on_step`; returns the generator's value."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        on_step(step)


def each_as(steps: Generator[Event, None, Result], make: Callable[[Event], Shown]) -> Generator[Shown, None, Result]:
    """The same generator with each step made into another; for `yield from`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield make(step)
