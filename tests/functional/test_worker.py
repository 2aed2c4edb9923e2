"""`firstline worker` runs what is put in, and loses nothing when it or its jobs are killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from firstline.bundle.registry import champion_id
from firstline.store.database import writing_rows
from firstline.store.messages import now
from firstline.store.schema import jobs
from firstline.store.workspace import Workspace
from tests.commands import Done, Run, run_process
from tests.functional.test_retrain import NEW_CLASS, add

WAIT_S = 120


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a champion, whose training compares `linear.v1` alone."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    settings.write_text(text, "utf-8")
    return folder


@contextmanager
def working(place: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "firstline", "worker", "-w", str(place)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def job(firstline: Run, place: Path, number: int = 1) -> dict[str, object]:
    found: dict[str, object] = json.loads(firstline("jobs", "show", number, "--json", "-w", place).stdout)
    return found


def wait_for(firstline: Run, place: Path, state: str) -> dict[str, object]:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        found = job(firstline, place)
        if found["state"] == state:
            return found
        time.sleep(0.2)
    raise AssertionError(job(firstline, place))


def child_of(worker: "subprocess.Popen[str]") -> psutil.Process:
    """The process of its job."""
    children = psutil.Process(worker.pid).children()
    (child,) = [one for one in children if "resource_tracker" not in str(one.cmdline())]
    return child


def until_idle(place: Path) -> Done:
    return run_process("worker", "--until-idle", "-w", place)


def test_a_retraining_is_put_in_and_done(firstline: Run, place: Path) -> None:
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    said = firstline("retrain", "--queue", "-w", place)
    assert "Job 1 waits for a worker" in said.stdout
    assert job(firstline, place)["state"] == "waiting"
    done = until_idle(place)
    assert done.returncode == 0, done.stderr
    assert "job 1: done" in done.stdout
    found = job(firstline, place)
    result = found["result"]
    assert isinstance(result, dict)
    assert (found["state"], result["promoted"]) == ("done", True)
    assert champion_id(place / "models") == result["challenger"]
    assert Path(result["report"]).is_file()
    shown = firstline("jobs", "show", "1", "-w", place).stdout
    assert "linear.v1: 100.0 % right" in shown
    assert "every gate let it pass" in firstline("jobs", "-w", place).stdout


def test_what_cannot_be_done_is_told(firstline: Run, place: Path) -> None:
    with writing_rows(Workspace.find(place).database) as connection:
        values = {"lane": "short", "state": "waiting", "asked_by": "anna", "n_starts": 0, "is_cancelled": False}
        rows = [("dance", "{}"), ("report", '{"model": "none"}')]
        for kind, arguments in rows:
            row = {**values, "kind": kind, "arguments": arguments, "log": "", "asked_at": now()}
            connection.execute(jobs.insert().values(row))
    until_idle(place)
    assert job(firstline, place, 1)["error"] == "This Firstline knows no such job: 'dance'. Upgrade Firstline."
    assert "There is no model 'none'" in str(job(firstline, place, 2)["error"])


@pytest.mark.slow
def test_a_killed_worker_takes_its_job_along_and_the_next_goes_on(firstline: Run, place: Path) -> None:
    add(firstline, place, [(text, "Ипотека") for text in NEW_CLASS])
    firstline("retrain", "--queue", "-w", place)
    with working(place) as worker:
        wait_for(firstline, place, "running")
        child = child_of(worker)
        worker.kill()
        child.wait(WAIT_S)
    assert job(firstline, place)["state"] == "running"
    done = until_idle(place)
    assert "job 1: its worker is gone; it waits again" in done.stdout
    assert job(firstline, place)["state"] == "done"


@pytest.mark.slow
def test_a_killed_job_starts_again(firstline: Run, place: Path) -> None:
    firstline("retrain", "--queue", "-w", place)
    with working(place) as worker:
        wait_for(firstline, place, "running")
        child = child_of(worker)
        child.kill()
        found = wait_for(firstline, place, "done")
    assert found["n_starts"] == 2


@pytest.mark.slow
def test_a_job_is_cancelled_and_a_stopped_worker_leaves_its_job_waiting(firstline: Run, place: Path) -> None:
    firstline("retrain", "--queue", "-w", place)
    with working(place) as worker:
        wait_for(firstline, place, "running")
        os.kill(worker.pid, signal.SIGTERM)
        assert worker.wait(WAIT_S) == 0
    assert (job(firstline, place)["state"], job(firstline, place)["n_starts"]) == ("waiting", 0)
    with working(place):
        wait_for(firstline, place, "running")
        busy = firstline("worker", "-w", place)
        assert (busy.returncode, "in use by 'firstline worker'" in busy.stderr) == (1, True)
        assert "Job 1 will be stopped." in firstline("jobs", "cancel", "1", "-w", place).stdout
        wait_for(firstline, place, "cancelled")


def test_the_next_time_of_the_schedule_is_told(firstline: Run, place: Path) -> None:
    settings = place / "firstline.toml"
    settings.write_text(
        settings.read_text("utf-8") + '\n[retraining]\nschedule = "0 2 * * 0"\ntime_zone = "UTC"\n', "utf-8"
    )
    said = firstline("jobs", "-w", place).stdout
    assert re.search(r"asks for the next retraining at \d{4}-\d\d-\d\d 02:00 UTC", said)


def test_queue_and_dask_exclude_each_other(firstline: Run, place: Path) -> None:
    done = firstline("retrain", "--queue", "--dask", "tcp://127.0.0.1:1", "-w", place)
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)
