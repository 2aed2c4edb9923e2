"""Sums, years and dates among digits: what a reader does not take for a number of a person."""

import re

DASHES = r"\-‐‑‒–—―−－"

_DAY, _MONTH = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])"
_SHORT_DATE = rf"{_DAY}\.{_MONTH}"
_DATE = (
    rf"(?<!\d)(?:{_DAY}([./\-]){_MONTH}\1(?:19|20)\d\d|(?:19|20)\d\d([./\-]){_MONTH}\2{_DAY})(?!\d)"
    rf"|(?<![\d.]){_SHORT_DATE}(?:\.\d\d)?(?:(?:[ /]| ?[\-–—] ?){_SHORT_DATE}(?:\.\d\d)?)+(?![\d.]\d|\d)"
)
# Sums take what they can and give nothing back: whether `500 600` is one or two must not be tried again and again.
_ROUND_SUM = r"(?:[1-9]\d{0,2}(?: \d\d0(?!\d))++|[1-9]\d{1,5}0(?!\d))"
_SUMS = rf"(?<!\d)(?<!\d[.,: ]){_ROUND_SUM}(?:(?: | ?[{DASHES}/] ?){_ROUND_SUM}(?!\d)){{2,}}+(?![.,:/ {DASHES}]?\d)"
SUMS_AND_DATES = re.compile(f"{_DATE}|{_SUMS}")
"""Dates, and three round sums or more in a row."""
_COMPACT_DATE = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])(?:19|20)\d\d"
)
_ROUND_SUMS = re.compile(rf"[1-9]\d{{0,2}}(?: \d\d0)+(?: ?[ {DASHES}] ?[1-9]\d{{0,2}}(?: \d\d0)+)*")
_APART = re.compile(rf" ?[ {DASHES}/] ?")
_YEARS_AND_AMOUNTS = re.compile(r"(?:19|20)\d\d|\d+0|\d+99")
_SUM_GOES_ON = re.compile(
    r" ?(?:р(?:уб|\b)|₽|rub|usd|eur|долл|тенге|сум\b|евро|[$€₸]|т\.? ?р|тыс|млн|[,.]\d\d(?!\d))", re.IGNORECASE
)


def are_years_or_amounts(groups: list[str]) -> bool:
    """Whether every number reads as a year or a round amount: `2019 2020 2021 2022`, `1500 2500 3500 4500`."""
    return all(_YEARS_AND_AMOUNTS.fullmatch(group) for group in groups)


def are_dates(groups: list[str]) -> bool:
    """Whether every number reads as a date without signs: `20240312 20240313`."""
    return all(_COMPACT_DATE.fullmatch(group) for group in groups)


def is_round_or_years(written: str) -> bool:
    """Whether all is years or round sums with spaces or dashes between: `1500 2500 3500 4500`, `7 500 8 500`."""
    if _ROUND_SUMS.fullmatch(written):
        return True
    parts = _APART.split(written)
    return min(map(len, parts)) >= 3 and are_years_or_amounts(parts)


def is_prose(digits: str, after: str) -> bool:
    """Whether digits, with what comes after them, are a sum, or a date without signs."""
    if len(digits) == 8 and _COMPACT_DATE.fullmatch(digits):
        return True
    if len(digits) <= 12 and digits.endswith("000000"):
        return True
    return len(digits) <= 9 and (digits.endswith("000") or bool(_SUM_GOES_ON.match(after)))
