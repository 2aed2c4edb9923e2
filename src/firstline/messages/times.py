"""Reading the times that exports write."""

import re
from datetime import UTC, date, datetime

_DAY_FIRST = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2})(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")
_YEAR_FIRST = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?= |$)")
_NUMBER = re.compile(r"\d+(?:\.\d*)?")
_UNIX_FROM_S, _UNIX_BEFORE_S = 10**8, 4_102_444_800
"""From 1973 to 2100: 20260131 is a day, not a count of seconds."""


def read_time(value: object) -> datetime | None:
    """A time as UTC without a zone; None where it cannot be read. A time without a zone is taken as it stands.

    Reads ISO 8601, the day-first forms `31.12.2025 23:59`, and Unix seconds or milliseconds.
    """
    if isinstance(value, datetime):
        return _to_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = value.strip() if isinstance(value, str) else str(value)
    if _NUMBER.fullmatch(text) and (moment := _from_unix(float(text))):
        return moment
    try:
        if match := _DAY_FIRST.fullmatch(text):
            return _from_day_first(*match.groups(default="0"))
        return _to_utc(datetime.fromisoformat(_YEAR_FIRST.sub(_with_hyphens, text)))
    except ValueError:
        return None


def _from_day_first(day: str, month: str, year: str, hour: str, minute: str, second: str) -> datetime:
    century = 2000 if len(year) == 2 else 0
    return datetime(century + int(year), int(month), int(day), int(hour), int(minute), int(second))


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
