"""Reading the times that exports write."""

from datetime import UTC, date, datetime

_FORMATS = (
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y",
    "%d.%m.%y %H:%M",
    "%Y/%m/%d %H:%M:%S",
)
_MILLISECONDS_FROM = 10**11


def read_time(value: object) -> datetime | None:
    """A time as UTC without a zone; None where it cannot be read. A time without a zone is taken as it stands.

    Reads ISO 8601, the day-first forms `31.12.2025 23:59`, and Unix seconds or milliseconds.
    """
    if isinstance(value, datetime):
        return _to_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    text = str(value).strip()
    try:
        return _to_utc(datetime.fromisoformat(text))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return _from_unix(text)


def _from_unix(text: str) -> datetime | None:
    try:
        seconds = float(text)
        if seconds < 10**8:
            return None
        return datetime.fromtimestamp(seconds / 1000 if seconds > _MILLISECONDS_FROM else seconds, UTC).replace(
            tzinfo=None
        )
    except (ValueError, OverflowError, OSError):
        return None


def _to_utc(value: datetime) -> datetime | None:
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return None
