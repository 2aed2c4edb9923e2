"""The settings that a search looks for; how values are drawn, mutated and crossed within range and type."""

import math
from collections.abc import Mapping
from random import Random
from typing import Any, TypeAlias

from firstline.training.candidates.ranges import Choice, Decimal, Integer, declared

Value: TypeAlias = int | float | str | bool
Searched: TypeAlias = Integer | Decimal | Choice
Space: TypeAlias = Mapping[str, Searched]

_DIGITS = 3
_STEP = 0.2


def space_of(settings: type) -> Space:
    """Those of a candidate's declared settings that `firstline search` looks for."""
    found: dict[str, Any] = {name: one for name, one in declared(settings).items() if one.is_searched}
    return found


def defaults_of(space: Space) -> dict[str, Value]:
    """Every setting at its default."""
    return {name: setting.default for name, setting in space.items()}


def draw(setting: Searched, random: Random) -> Value:
    """Any value, all alike."""
    if isinstance(setting, Choice):
        return random.choice(setting.options)
    if isinstance(setting, Integer):
        return random.randint(setting.low, setting.high)
    return _value(setting, random.random())


def mutated(setting: Searched, value: Value, random: Random) -> Value:
    """Another value: a number moves by a fifth of its range, by a normal distribution, a whole one by 1 at least."""
    if isinstance(setting, Choice):
        return random.choice([option for option in setting.options if option != value] or [value])
    if isinstance(setting, Decimal):
        return _value(setting, _reflected(_share(setting, float(value)) + random.gauss(0.0, _STEP), 0.0, 1.0))
    if setting.low == setting.high:
        return setting.low
    step = random.gauss(0.0, _STEP * (setting.high - setting.low))
    moved = round(float(value) + math.copysign(max(1.0, abs(step)), step))
    found = int(_reflected(moved, setting.low, setting.high))
    if found != value:
        return found
    return found + 1 if found < setting.high else found - 1


def crossed(setting: Searched, one: Value, other: Value, random: Random) -> Value:
    """One of two choices, or a number between the two."""
    if isinstance(setting, Choice):
        return random.choice((one, other))
    if isinstance(setting, Integer):
        return random.randint(*sorted((int(one), int(other))))
    start, end = _share(setting, float(one)), _share(setting, float(other))
    return _value(setting, start + random.random() * (end - start))


def _share(setting: Decimal, value: float) -> float:
    """Where a value lies between the ends, 0 to 1."""
    low, high = _scale(setting, setting.low), _scale(setting, setting.high)
    return (_scale(setting, value) - low) / (high - low)


def _value(setting: Decimal, share: float) -> float:
    """To three digits."""
    low, high = _scale(setting, setting.low), _scale(setting, setting.high)
    found = low + share * (high - low)
    rounded = float(f"{math.exp(found) if setting.is_log else found:.{_DIGITS}g}")
    return min(max(rounded, setting.low), setting.high)


def _scale(setting: Decimal, value: float) -> float:
    return math.log(value) if setting.is_log else value


def _reflected(value: float, low: float, high: float) -> float:
    """A value that went over an end comes back from it, so that ends are not met more often than others."""
    width = high - low
    beyond = (value - low) % (2 * width)
    return low + (beyond if beyond <= width else 2 * width - beyond)
