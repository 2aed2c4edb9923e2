"""When the worker retrains by itself: at times of a cron schedule, or after so many new labels."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, func, select

from firstline.bundle.registry import list_models
from firstline.settings.model import RetrainingSettings
from firstline.store.jobs import Job, add_job, last_asked
from firstline.store.messages import now, read_state, write_state
from firstline.store.schema import classes, in_force, in_use, labels

_STATE = "retraining.schedule"


class _Last(msgspec.Struct):
    """When the schedule was last looked at; a changed schedule starts anew."""

    schedule: str
    at: datetime


def add_due(models: Path, settings: RetrainingSettings, connection: Connection) -> Job | None:
    """Put a retraining in if one is due, for times that have passed since the last look, or for new labels.

    `models` is the folder of the models.
    """
    if settings.schedule and _is_time(connection, settings):
        return add_job(connection, "retrain", {}, "schedule")
    if settings.new_labels:
        n_new = _count_new_labels(models, connection)
        if n_new >= settings.new_labels:
            return add_job(connection, "retrain", {}, f"{n_new:,} new labels")
    return None


def next_time(settings: RetrainingSettings, after: datetime) -> datetime:
    """The next time of the schedule after a time in UTC; both without a zone."""
    from croniter import croniter

    zone = ZoneInfo(settings.time_zone) if settings.time_zone else None
    there = after.replace(tzinfo=UTC).astimezone(zone)
    found: datetime = croniter(settings.schedule, there).get_next(datetime)
    return found.astimezone(UTC).replace(tzinfo=None)


def _is_time(connection: Connection, settings: RetrainingSettings) -> bool:
    known = read_state(connection, _STATE)
    last = msgspec.json.decode(known, type=_Last) if known else None
    described = f"{settings.schedule} {settings.time_zone}"
    # A look in the future was one by a wrong clock.
    is_new = last is None or last.schedule != described or last.at > now()
    is_due = last is not None and not is_new and next_time(settings, last.at) <= now()
    if is_new or is_due:
        write_state(connection, _STATE, msgspec.json.encode(_Last(described, now())).decode())
    return is_due


def _count_new_labels(folder: Path, connection: Connection) -> int:
    """Labels given since the newest model was trained, or since a retraining was last put in."""
    models, _ = list_models(folder)
    trained = (
        [datetime.fromisoformat(models[0].measured.created_at).astimezone(UTC).replace(tzinfo=None)] if models else []
    )
    asked = last_asked(connection, "retrain")
    since = max([*trained, *([asked] if asked else [])], default=None)
    wanted = select(func.count()).select_from(labels).join(classes).where(in_force, in_use, labels.c.source != "merge")
    if since is not None:
        wanted = wanted.where(labels.c.at > since)
    return connection.execute(wanted).scalar_one()
