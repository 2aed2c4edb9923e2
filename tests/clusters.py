"""A scheduler and workers as real processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Started:
    """A scheduler with workers: their processes, and what starts one more worker."""

    address: str
    scheduler: "subprocess.Popen[bytes]"
    workers: list["subprocess.Popen[bytes]"]
    start_worker: Callable[[], None]


@contextmanager
def cluster(folder: Path, n_workers: int, n_threads: int = 1) -> Iterator[Started]:
    """A scheduler and so many workers of so many threads each, on the loopback interface; logs in `folder`."""
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
        address = found[0]

        def start_worker() -> None:
            start("Registered to:", "worker", address, "--nthreads", str(n_threads), "--local-directory", str(folder))

        for _ in range(n_workers):
            start_worker()
        yield Started(address, processes[0], processes[1:], start_worker)
    finally:
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Started]:
    """A cluster of two workers that tests share: none of it may be ended."""
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as found:
        yield found


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """A cluster of two workers of one's own."""
    with cluster(tmp_path, 2) as found:
        yield found
