"""A scheduler and workers as real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Started:
    """A scheduler with workers; `workers` are their processes."""

    address: str
    workers: list["subprocess.Popen[bytes]"]


@contextmanager
def cluster(folder: Path, n_workers: int) -> Iterator[Started]:
    """A scheduler and so many workers of one thread each, on the loopback interface; logs in `folder`."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(said: str, *arguments: str) -> str:
        """Start one and wait until it says so; returns that line."""
        log = folder / f"{len(processes)}.log"
        with log.open("wb") as opened:
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            processes.append(subprocess.Popen(command, stdout=opened, stderr=opened, start_new_session=True))
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for line in log.read_text("utf-8").splitlines():
                if said in line:
                    return line
            time.sleep(0.1)
        raise AssertionError(log.read_text("utf-8"))

    try:
        found = re.search(r"tcp://[\d.:]+", start("Scheduler at:", "scheduler", "--host", "127.0.0.1", "--port", "0"))
        assert found
        for _ in range(n_workers):
            start("Registered to:", "worker", found[0], "--nthreads", "1", "--local-directory", str(folder))
        yield Started(found[0], processes[1:])
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    with cluster(tmp_path, 2) as found:
        yield found
