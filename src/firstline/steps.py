"""Running generators that yield steps and end with a result: the form of everything here that takes long."""

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Shown = TypeVar("Shown")
Result = TypeVar("Result")


def run_to_end(steps: Generator[Step, None, Result], on_step: Callable[[Step], object] = lambda step: None) -> Result:
    """Run a generator, handing each step to `on_step`; returns the generator's value."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        on_step(step)


def each_as(steps: Generator[Step, None, Result], make: Callable[[Step], Shown]) -> Generator[Shown, None, Result]:
    """The same generator with each step made into another; for `yield from`."""
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield make(step)
