"""When the day began that pages call today."""

from datetime import UTC, datetime, time


def midnight() -> datetime:
    """When this day began on this machine's clock, in UTC without a zone."""
    began = datetime.combine(datetime.now().astimezone().date(), time()).astimezone()
    return began.astimezone(UTC).replace(tzinfo=None)
