"""Reads times as exports write them."""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

_OF_THREE_NUMBERS = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|(?<=[./])\d{2})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?"
)
"""With hyphens the year has four digits: 26-01-31 may begin with it."""
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?= |$)")
_HALF_OF_DAY = re.compile(r"(?<=\d)\s*([ap])\.?\s?m\.?", re.IGNORECASE)
_HOUR = re.compile(r"(?<=[ T])(\d{1,2})(?=:\d{2})|(?<=[ T])(\d{1,2})$")
_NUMBER = re.compile(r"\d+(?:\.\d*)?")
_DAY_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun)"
_MONTH_NAME = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_ZONE = r"(?:[+-]\d{4}|UTC?|GMT|Z|[ECMP][SD]T)"
"""Those of RFC 2822. The library would take the time of any other zone for one without a zone."""
_WITH_MONTH_NAME = re.compile(
    rf"(?:{_DAY_NAME},? +)?\d{{1,2}} +{_MONTH_NAME} +\d{{4}}(?:,? +{_CLOCK}(?: +{_ZONE}(?: \([^()]*\))?)?)?"
    rf"|{_DAY_NAME} +{_MONTH_NAME} +\d{{1,2}} +{_CLOCK}(?: +{_ZONE})? +\d{{4}}",
    re.IGNORECASE | re.ASCII,
)
"""As mails have it, `Wed, 20 Apr 2016 14:03:11 +0000`, and as Twitter and C do, with the year at the end."""
_UNIX_FROM_S, _UNIX_BEFORE_S = 10**8, 4_102_444_800
"""From 1973 to 2100: 20260131 is a day, not a count of seconds."""


def read_time(value: object, *, month_first: bool = False) -> datetime | None:
    """A time as UTC without a zone; None if it cannot be read. A time without a zone is taken as UTC.

    Reads ISO 8601, `31.12.2025 23:59`, `31/12/2025`, `31-12-2025`, AM and PM, RFC 2822, `20 Apr 2016 14:03`, Twitter's
    `Wed Apr 20 14:03:11 +0000 2016`, and Unix seconds or milliseconds. With `month_first`, 01/02/2026 is January 2;
    with dots it stays 1 February. Excel's serial numbers are not guessed: 45000 may be anything.
    """
    if isinstance(value, datetime):
        return _to_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = _on_24_hours(value.strip()) if isinstance(value, str) else str(value)
    if _NUMBER.fullmatch(text) and (moment := _from_unix(float(text))):
        return moment
    try:
        if match := _OF_THREE_NUMBERS.fullmatch(text):
            return _from_three_numbers(match, month_first)
        if _WITH_MONTH_NAME.fullmatch(text):
            return _to_utc(parsedate_to_datetime(text if ":" in text else f"{text} 00:00"))
        return _to_utc(datetime.fromisoformat(_YEAR_FIRST.sub(_with_hyphens, text)))
    except ValueError:
        return None


def day_and_month(value: object) -> tuple[int, int] | None:
    """The first two numbers of a date such as 02/03/2026 that may be read either way, else None."""
    if not isinstance(value, str):
        return None
    match = _OF_THREE_NUMBERS.match(value.lstrip())
    return (int(match[1]), int(match[3])) if match and match[2] != "." else None


def has_half_of_day(value: str) -> bool:
    """Whether a time is written with AM or PM."""
    return _HALF_OF_DAY.search(value) is not None


def _from_three_numbers(match: re.Match[str], month_first: bool) -> datetime:
    first, dot, second, year, *clock = match.groups(default="0")
    day, month = (second, first) if month_first and dot != "." else (first, second)
    century = 2000 if len(year) == 2 else 0
    hour, minute, moment = map(int, clock)
    return datetime(century + int(year), int(month), int(day), hour, minute, moment)


def _on_24_hours(text: str) -> str:
    """`9:00 PM` as `21:00`; other texts are unchanged."""
    half = _HALF_OF_DAY.search(text)
    if half is None or half.end() != len(text):
        return text
    is_afternoon = half[1].lower() == "p"

    def hour(match: re.Match[str]) -> str:
        written = int(match[0])
        return f"{written % 12 + 12 * is_afternoon:02}" if 1 <= written <= 12 else "99"

    whole = text[: half.start()]
    clock = _HOUR.sub(hour, whole, count=1)
    return clock if ":" in clock else clock + ":00"


def _with_hyphens(match: re.Match[str]) -> str:
    return f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}"


def _from_unix(number: float) -> datetime | None:
    for seconds in (number, number / 1000):
        if _UNIX_FROM_S <= seconds < _UNIX_BEFORE_S:
            return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
    return None


def _to_utc(value: datetime) -> datetime | None:
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return None
