"""The settings of a candidate, declared once: type, range, default, and what each is.

A candidate's settings are a frozen dataclass whose fields are made by `whole`, `number`, `one_of`, `text` and
`several`; other fields cannot be set by a team. `firstline.toml` is checked against what is declared, docs/settings.md
is made from it, and `firstline search` draws, mutates and crosses the values.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, Protocol, TypeAlias

Value: TypeAlias = int | float | str | bool
_DIGITS = 3
_STEP = 0.2


class Setting(Protocol):
    """One setting of a candidate."""

    @property
    def default(self) -> object:
        """Its value if nobody sets it."""

    @property
    def about(self) -> str:
        """What it is, in a few words."""

    @property
    def allowed(self) -> str:
        """The values that it may have, such as "a whole number from 1 to 3"."""

    @property
    def is_searched(self) -> bool:
        """Whether `firstline search` looks for a better value; it is then a `Dimension` too."""

    def problem(self, value: object) -> str:
        """What is wrong with a value, `expected ..., got ...`; empty if nothing is."""


class Dimension(Setting, Protocol):
    """A setting that can be searched. Values that it gives are in its range, and of its type."""

    @property
    def default(self) -> Value: ...

    def draw(self, random: Random) -> Value:
        """Any value, all alike."""

    def mutated(self, value: Value, random: Random) -> Value:
        """Another value, mostly a near one."""

    def crossed(self, one: Value, other: Value, random: Random) -> Value:
        """A value that comes from both."""


Declared: TypeAlias = Mapping[str, Setting]
Space: TypeAlias = Mapping[str, Dimension]


@dataclass(frozen=True)
class Integer:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    default: int
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def draw(self, random: Random) -> int:
        return random.randint(self.low, self.high)

    def mutated(self, value: Any, random: Random) -> int:
        """A step of a fifth of the range, by a normal distribution, and at least 1."""
        if self.low == self.high:
            return self.low
        step = random.gauss(0.0, _STEP * (self.high - self.low))
        moved = round(float(value) + math.copysign(max(1.0, abs(step)), step))
        found = int(_reflected(moved, self.low, self.high))
        if found != value:
            return found
        return found + 1 if found < self.high else found - 1

    def crossed(self, one: Any, other: Any, random: Random) -> int:
        low, high = sorted((int(one), int(other)))
        return random.randint(low, high)

    def problem(self, value: object) -> str:
        is_right = isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high
        return "" if is_right else f"expected {self.allowed}, got {value!r}"


@dataclass(frozen=True)
class Decimal:
    """A number from `low` to `high`, to three digits; `is_log`: what counts is its magnitude."""

    low: float
    high: float
    default: float
    is_log: bool = False
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def draw(self, random: Random) -> float:
        return self._value(random.random())

    def mutated(self, value: Any, random: Random) -> float:
        """A step of a fifth of the range, by a normal distribution."""
        return self._value(_reflected(self._share(float(value)) + random.gauss(0.0, _STEP), 0.0, 1.0))

    def crossed(self, one: Any, other: Any, random: Random) -> float:
        start, end = self._share(float(one)), self._share(float(other))
        return self._value(start + random.random() * (end - start))

    def problem(self, value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_right = is_number and self.low <= float(value) <= self.high  # type: ignore[arg-type]
        return "" if is_right else f"expected {self.allowed}, got {value!r}"

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
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(map(_spelled, self.options))}"

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
        return f"expected {self.allowed}, got {value!r}"


@dataclass(frozen=True)
class Text:
    """A name or a path, which no search looks for."""

    default: str
    about: str = ""
    is_searched: bool = False
    allowed: str = "a text"

    def problem(self, value: object) -> str:
        return "" if isinstance(value, str) and value else f"expected {self.allowed}, got {value!r}"


@dataclass(frozen=True)
class Several:
    """One or more of a few names, each once, which no search looks for."""

    options: tuple[str, ...]
    default: tuple[str, ...]
    about: str = ""
    is_searched: bool = False

    @property
    def allowed(self) -> str:
        return f"a list of {', '.join(map(_spelled, self.options))}, each at most once"

    def problem(self, value: object) -> str:
        found = value if isinstance(value, list | tuple) else ()
        is_right = found and set(found) <= set(self.options) and len(set(found)) == len(found)
        return "" if is_right else f"expected {self.allowed}, got {value!r}"


# What these return becomes the default of a dataclass's field, which has the type of the default.
def whole(default: int, low: int, high: int, about: str, *, is_searched: bool = True) -> Any:
    """Declare a whole number from `low` to `high`."""
    return _declare(Integer(low, high, default, about, is_searched))


def number(default: float, low: float, high: float, about: str, *, is_log: bool = False) -> Any:
    """Declare a number from `low` to `high`; `is_log`: its magnitude counts."""
    return _declare(Decimal(low, high, default, is_log, about))


def one_of(default: str | bool, options: tuple[str | bool, ...], about: str, *, is_searched: bool = True) -> Any:
    """Declare one of a few values."""
    return _declare(Choice(options, default, about, is_searched))


def text(default: str, about: str) -> Any:
    """Declare a name."""
    return _declare(Text(default, about))


def several(default: tuple[str, ...], options: tuple[str, ...], about: str) -> Any:
    """Declare a list of names."""
    return _declare(Several(options, default, about))


def _declare(setting: Setting) -> Any:
    return field(default=setting.default, metadata={"setting": setting})


def declared(settings: type) -> Declared:
    """What a team can set of a candidate whose settings are this dataclass, by name."""
    return {one.name: one.metadata["setting"] for one in fields(settings) if "setting" in one.metadata}


def space_of(settings: type) -> Space:
    """Those of the declared settings that `firstline search` looks for."""
    found: dict[str, Any] = {name: one for name, one in declared(settings).items() if one.is_searched}
    return found


def defaults_of(space: Space) -> dict[str, Value]:
    """Every setting at its default."""
    return {name: setting.default for name, setting in space.items()}


def problems_of(values: Mapping[str, object], known: Declared) -> dict[str, str]:
    """What is wrong with values, by setting; a setting may be left out."""
    found = {name: _problem(value, known[name]) if name in known else _unknown(known) for name, value in values.items()}
    return {name: problem for name, problem in found.items() if problem}


def _problem(value: object, setting: Setting) -> str:
    problem = setting.problem(value)
    return f"({setting.about}) {problem}" if problem and setting.about else problem


def _unknown(known: Declared) -> str:
    return f"is not a setting; known: {', '.join(known) or 'none'}"


def _reflected(value: float, low: float, high: float) -> float:
    """A value that went over an end comes back from it, so that ends are not met more often than others."""
    width = high - low
    beyond = (value - low) % (2 * width)
    return low + (beyond if beyond <= width else 2 * width - beyond)


def _spelled(option: str | bool) -> str:
    return str(option).lower() if isinstance(option, bool) else f"'{option}'"
