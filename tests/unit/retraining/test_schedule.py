"""The worker retrains at the times of the schedule, and after enough new labels."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firstline.retraining.schedule import add_due, next_time
from firstline.settings.model import RetrainingSettings
from firstline.store.database import writing_rows
from firstline.store.jobs import Job, claim_job, finish_job
from firstline.store.messages import StoredMessage, now
from firstline.store.schema import state
from firstline.store.workspace import Workspace
from tests.unit.store.filling import take_in


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "bank", "ru")


def asked(place: Workspace, **settings: object) -> Job | None:
    retraining = RetrainingSettings.model_validate(settings)
    with writing_rows(place.database) as connection:
        return add_due(place.models, retraining, connection)


def sleep_until_yesterday(place: Workspace, days: int = 1) -> None:
    """As if the worker had last looked a day ago."""
    with writing_rows(place.database) as connection:
        value = connection.execute(state.select()).mappings().all()
        (stored,) = [row["value"] for row in value if row["name"] == "retraining.schedule"]
        today = f"{now():%Y-%m-%d}"
        earlier = stored.replace(today, f"{now() - timedelta(days=days):%Y-%m-%d}")
        connection.execute(state.update().where(state.c.name == "retraining.schedule").values(value=earlier))


@pytest.mark.parametrize(
    ("zone", "after", "then"),
    [
        ("Europe/Moscow", datetime(2026, 1, 3), datetime(2026, 1, 3, 23)),
        ("UTC", datetime(2026, 1, 3), datetime(2026, 1, 4, 2)),
        ("Europe/Berlin", datetime(2026, 7, 4), datetime(2026, 7, 5)),
    ],
)
def test_times_are_those_of_the_zone(zone: str, after: datetime, then: datetime) -> None:
    assert next_time(RetrainingSettings(schedule="0 2 * * 0", time_zone=zone), after) == then


def test_a_time_that_passed_while_no_worker_ran_is_made_up_once(place: Workspace) -> None:
    assert asked(place, schedule="* * * * *") is None
    sleep_until_yesterday(place)
    job = asked(place, schedule="* * * * *")
    assert job is not None
    assert (job.kind, job.asked_by) == ("retrain", "schedule")
    assert asked(place, schedule="* * * * *") is None


def test_a_changed_schedule_starts_anew(place: Workspace) -> None:
    asked(place, schedule="* * * * *")
    sleep_until_yesterday(place)
    assert asked(place, schedule="*/2 * * * *") is None


def test_enough_new_labels_are_a_reason_once(place: Workspace) -> None:
    take_in(place.database, *(StoredMessage(f"текст {number}", label="Карта") for number in range(4)))
    assert asked(place, new_labels=5) is None
    assert asked(place) is None
    job = asked(place, new_labels=4)
    assert job is not None
    assert job.asked_by == "4 new labels"
    with writing_rows(place.database) as connection:
        claimed = claim_job(connection, "long", "a:1")
        assert claimed is not None
        finish_job(connection, claimed, "failed", error="x")
    assert asked(place, new_labels=4) is None
    take_in(place.database, *(StoredMessage(f"ещё {number}", label="Карта") for number in range(4)))
    assert asked(place, new_labels=4) is not None


def test_a_look_by_a_clock_that_was_ahead_does_not_count(place: Workspace) -> None:
    asked(place, schedule="* * * * *")
    sleep_until_yesterday(place, days=-900)
    assert asked(place, schedule="* * * * *") is None
    sleep_until_yesterday(place)
    assert asked(place, schedule="* * * * *") is not None


@pytest.mark.parametrize(
    "wrong",
    [{"schedule": "0 0 30 2 *"}, {"schedule": "often"}, {"schedule": "0 2 * * 0 7"}, {"time_zone": "Mars/Base"}],
)
def test_a_wrong_schedule_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"not |no day"):
        RetrainingSettings.model_validate(wrong)
