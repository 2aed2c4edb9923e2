"""The settings of a candidate, declared once: type, range, default, and what each is.

A candidate's settings are a frozen dataclass whose fields are made by `whole`, `number`, `one_of`, `text` and
`several`; other fields cannot be set by a team. `firstline.toml` is checked against what is declared, docs/settings.md
is made from it, and `firstline search` looks for better values.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias


class Setting(ABC):
    """One setting of a candidate."""

    default: Any
    about: str
    """What it is, in a few words."""
    is_searched: bool = False
    """Whether `firstline search` looks for a better value."""

    @property
    @abstractmethod
    def allowed(self) -> str:
        """The values that it may have, such as "a whole number from 1 to 3"."""

    @abstractmethod
    def is_right(self, value: Any) -> bool:
        """Whether it may have this value."""

    def problem(self, value: object) -> str:
        """What is wrong with a value, `expected ..., got ...`; empty if nothing is."""
        return "" if self.is_right(value) else f"expected {self.allowed}, got {value!r}"


@dataclass(frozen=True)
class Integer(Setting):
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    default: int
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def is_right(self, value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Decimal(Setting):
    """A number from `low` to `high`; `is_log`: what counts is its magnitude."""

    low: float
    high: float
    default: float
    is_log: bool = False
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def is_right(self, value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice(Setting):
    """One of a few values that have no order."""

    options: tuple[str | bool, ...]
    default: str | bool
    about: str = ""
    is_searched: bool = True

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(map(_spelled, self.options))}"

    def is_right(self, value: Any) -> bool:
        # 1 equals True, and is none of the options.
        return any(type(value) is type(option) and value == option for option in self.options)


@dataclass(frozen=True)
class Text(Setting):
    """A name or a path, which no search looks for."""

    default: str
    about: str = ""
    allowed: str = "a text"

    def is_right(self, value: Any) -> bool:
        return isinstance(value, str) and bool(value)


@dataclass(frozen=True)
class Several(Setting):
    """One or more of a few names, each once, which no search looks for."""

    options: tuple[str, ...]
    default: tuple[str, ...]
    about: str = ""

    @property
    def allowed(self) -> str:
        return f"a list of {', '.join(map(_spelled, self.options))}, each at most once"

    def is_right(self, value: Any) -> bool:
        found = value if isinstance(value, list | tuple) else ()
        return 0 < len(found) == len(set(found)) and set(found) <= set(self.options)


Declared: TypeAlias = Mapping[str, Setting]


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


def problems_of(values: Mapping[str, object], known: Declared) -> dict[str, str]:
    """What is wrong with values, by setting; a setting may be left out."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if name not in known:
            found[name] = f"is not a setting; known: {', '.join(known) or 'none'}"
        elif problem := known[name].problem(value):
            about = known[name].about
            found[name] = f"({about}) {problem}" if about else problem
    return found


def _spelled(option: str | bool) -> str:
    return str(option).lower() if isinstance(option, bool) else f"'{option}'"
