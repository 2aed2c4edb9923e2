"""The worker of the console: it ends with the console, also one that is killed, and is started again if it ends."""

import logging
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from firstline.console import own_worker
from firstline.console.own_worker import OwnWorker
from tests.service import wait_until

WAITS = "import os, sys; print('begins', os.getpid(), flush=True); sys.stdin.read(); print('ends', flush=True)"


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "firstline.console")
    return caplog


def test_it_ends_with_the_console_and_its_lines_are_in_the_log(said: pytest.LogCaptureFixture) -> None:
    worker = OwnWorker(Path(), [sys.executable, "-c", WAITS])
    worker.start()
    wait_until(lambda: "worker: begins" in said.text, 10)
    worker.stop()
    wait_until(lambda: "worker: ends" in said.text, 10)
    assert "started again" not in said.text


def test_it_is_started_again_after_longer_and_longer_pauses(
    said: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_worker, "_FIRST_PAUSE_S", 0.01)
    worker = OwnWorker(Path(), [sys.executable, "-c", "print('begins'); raise SystemExit(3)"])
    worker.start()
    wait_until(lambda: said.text.count("worker: begins") == 3, 10)
    worker.stop()
    pauses = [record.args for record in said.records if "started again" in record.msg]
    assert pauses[:2] == [(3, 0.01), (3, 0.02)]


def test_a_command_that_is_missing_is_told(said: pytest.LogCaptureFixture) -> None:
    worker = OwnWorker(Path(), ["/nowhere/firstline"])
    worker.start()
    wait_until(lambda: "No such file" in said.text, 10)
    worker.stop()


def test_it_ends_if_the_console_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = f"import os, pathlib, sys; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); sys.stdin.read()"
    script = (
        "import sys, time; from pathlib import Path; from firstline.console.own_worker import OwnWorker;"
        f"OwnWorker(Path(), [sys.executable, '-c', {child!r}]).start(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as console:
        try:
            wait_until(lambda: note.exists() and bool(note.read_text()), 20)
        finally:
            console.send_signal(signal.SIGKILL)
    wait_until(lambda: not _lives(int(note.read_text())), 10)


def _lives(process: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(process, 0)
        # One that has ended may still wait for the system to collect it.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
