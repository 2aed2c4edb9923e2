"""How numbers are written for people, in Russian or English: filters for templates."""

from collections.abc import Callable
from typing import Any

from babel.numbers import format_decimal

_MOST_IN_DIGITS = 1e15
_FIXED_BLANK = "\u00a0"


def number_filters(language: str, gettext: Callable[[str], str]) -> dict[str, Callable[..., Any]]:
    """Filters for shares, intervals and counts. `gettext` translates the words among them."""

    def number(value: float, digits: int = 0) -> str:
        if abs(value) > _MOST_IN_DIGITS:
            return f"{value:.3g}"
        return str(format_decimal(value, "#,##0." + "0" * digits if digits else "#,##0", locale=language))

    def hundredths(value: float) -> str:
        """A share as so many of 100; with one decimal if rounding would make it 0 or 100."""
        of_hundred = 100 * value
        if 0 < of_hundred < 1 or 99 < of_hundred < 100:
            return number(min(max(of_hundred, 0.1), 99.9), 1)
        return number(of_hundred)

    def percent(value: float) -> str:
        return f"{hundredths(value)}{_FIXED_BLANK}%"

    def odds(value: float) -> str:
        """A confidence; never 0 or 100 %."""
        if value < 0.01:
            return gettext("under 1\N{NO-BREAK SPACE}%")
        return gettext("over 99\N{NO-BREAK SPACE}%") if value > 0.99 else percent(value)

    def bounds(share: Any, times: float = 100) -> tuple[str, str]:
        return number(times * share.low), number(times * share.high)

    def span(share: Any) -> str:
        """The interval of a share, of 100, as in a sentence: `75 to 81`."""
        low, high = bounds(share)
        return gettext("%(low)s to %(high)s") % {"low": low, "high": high}

    def range_(share: Any, times: float = 100) -> str:
        """The same in a table, of 100 or `times`: `75–81`."""
        return "–".join(bounds(share, times))

    def signed(value: float, digits: int = 1) -> str:
        # Rounded first: what is written as 0 has no sign.
        rounded = round(value, digits)
        return ("+" if rounded > 0 else "\u2212" if rounded < 0 else "") + number(abs(rounded), digits)

    return {
        "number": number,
        "hundredths": hundredths,
        "percent": percent,
        "odds": odds,
        "span": span,
        "range": range_,
        "signed": signed,
    }
