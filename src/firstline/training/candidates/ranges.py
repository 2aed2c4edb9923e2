"""What a search may set: each setting has a type and a range, and knows how to be drawn, mutated and crossed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias

Value: TypeAlias = int | float | str | bool
_DIGITS = 3
_STEP = 0.2


class Dimension(Protocol):
    """One setting. Values that it gives are in its range, and of its type."""

    @property
    def default(self) -> Value:
        """What a candidate has without a search."""

    def draw(self, random: Random) -> Value:
        """Any value, all alike."""

    def mutated(self, value: Value, random: Random) -> Value:
        """Another value, mostly a near one."""

    def crossed(self, one: Value, other: Value, random: Random) -> Value:
        """A value that comes from both."""

    def problem(self, value: object) -> str:
        """What is wrong with a value, `expected ..., got ...`; empty where nothing is."""


Space: TypeAlias = Mapping[str, Dimension]


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    default: int

    def draw(self, random: Random) -> int:
        return random.randint(self.low, self.high)

    def mutated(self, value: Value, random: Random) -> int:
        """A step of a fifth of the range, by a normal distribution, and at least 1."""
        if self.low == self.high:
            return self.low
        step = random.gauss(0.0, _STEP * (self.high - self.low))
        moved = round(float(value) + math.copysign(max(1.0, abs(step)), step))
        found = int(_reflected(moved, self.low, self.high))
        if found != value:
            return found
        return found + 1 if found < self.high else found - 1

    def crossed(self, one: Value, other: Value, random: Random) -> int:
        low, high = sorted((int(one), int(other)))
        return random.randint(low, high)

    def problem(self, value: object) -> str:
        is_right = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
        return "" if is_right else f"expected a whole number from {self.low} to {self.high}, got {value!r}"


@dataclass(frozen=True)
class Decimal:
    """A number from `low` to `high`, to three digits; `is_log`: what counts is its magnitude."""

    low: float
    high: float
    default: float
    is_log: bool = False

    def draw(self, random: Random) -> float:
        return self._value(random.random())

    def mutated(self, value: Value, random: Random) -> float:
        """A step of a fifth of the range, by a normal distribution."""
        return self._value(_reflected(self._share(float(value)) + random.gauss(0.0, _STEP), 0.0, 1.0))

    def crossed(self, one: Value, other: Value, random: Random) -> float:
        start, end = self._share(float(one)), self._share(float(other))
        return self._value(start + random.random() * (end - start))

    def problem(self, value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_right = is_number and self.low <= float(value) <= self.high  # type: ignore[arg-type]
        return "" if is_right else f"expected a number from {self.low:g} to {self.high:g}, got {value!r}"

    def _share(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1."""
        low, high = self._scale(self.low), self._scale(self.high)
        return (self._scale(value) - low) / (high - low)

    def _value(self, share: float) -> float:
        low, high = self._scale(self.low), self._scale(self.high)
        found = low + share * (high - low)
        rounded = float(f"{math.exp(found) if self.is_log else found:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def _scale(self, value: float) -> float:
        return math.log(value) if self.is_log else value


@dataclass(frozen=True)
class Choice:
    """One of a few values that have no order."""

    options: tuple[str | bool, ...]
    default: str | bool

    def draw(self, random: Random) -> Value:
        return random.choice(self.options)

    def mutated(self, value: Value, random: Random) -> Value:
        return random.choice([option for option in self.options if option != value] or [value])

    def crossed(self, one: Value, other: Value, random: Random) -> Value:
        return random.choice((one, other))

    def problem(self, value: object) -> str:
        # 1 equals True, and is none of the options.
        if any(type(value) is type(option) and value == option for option in self.options):
            return ""
        return f"expected one of {', '.join(map(_spelled, self.options))}, got {value!r}"


def defaults_of(space: Space) -> dict[str, Value]:
    """Every setting as it is without a search."""
    return {name: dimension.default for name, dimension in space.items()}


def problems_of(values: Mapping[str, object], space: Space) -> dict[str, str]:
    """What is wrong with values, by setting; a setting may be left out."""
    found = {
        name: space[name].problem(value) if name in space else f"is no setting; known: {', '.join(space) or 'none'}"
        for name, value in values.items()
    }
    return {name: problem for name, problem in found.items() if problem}


def _reflected(value: float, low: float, high: float) -> float:
    """A value that went over an end comes back from it, so that ends are not met more often than others."""
    width = high - low
    beyond = (value - low) % (2 * width)
    return low + (beyond if beyond <= width else 2 * width - beyond)


def _spelled(option: str | bool) -> str:
    return str(option).lower() if isinstance(option, bool) else f"'{option}'"
