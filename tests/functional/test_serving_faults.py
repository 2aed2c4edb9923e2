"""What a running service survives: it is killed, its models go away, the clock jumps, connections pile up."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from firstline.bundle.registry import promote
from tests.bundles import make_bundle
from tests.service import Running, served, wait_until

TEXT = {"text": "карта"}
CLOCK = """
import itertools, time
real, jumps = time.time, itertools.cycle((0, 3e7, -3e7, 1e9, -1e9))
time.time = lambda: real() + next(jumps)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a model and no database."""
    folder = tmp_path / "w"
    promote(folder / "models", make_bundle(folder / "models").id)
    (folder / "firstline.toml").write_text("", "utf-8")
    return folder


def label(service: Running) -> str:
    response = httpx.post(f"{service.address}/v1/classify", json=TEXT, timeout=20)
    assert response.status_code == 200, response.text
    return str(response.json()["label"])


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Asking:
    """A client that asks until it is stopped, and counts what comes of it."""

    def __init__(self, port: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._address = f"http://127.0.0.1:{port}/v1/classify"
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        with httpx.Client(timeout=20) as client:
            while not self._is_over.is_set():
                try:
                    self.outcomes[str(client.post(self._address, json=TEXT).status_code)] += 1
                except httpx.TransportError:
                    self.outcomes["no connection"] += 1
                    time.sleep(0.01)

    def n_answered_more(self, n: int) -> None:
        """Wait until `n` more answers have come."""
        wanted = self.outcomes["200"] + n
        wait_until(lambda: self.outcomes["200"] >= wanted)

    def stop(self) -> Counter[str]:
        self._is_over.set()
        self._thread.join(timeout=30)
        return self.outcomes


@contextmanager
def on_port(workspace: Path, log: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(workspace), "--port", str(port)]
    with log.open("w", encoding="utf-8") as file, subprocess.Popen(command, stderr=file, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


def test_after_a_kill_under_load_the_same_port_answers_again(workspace: Path, tmp_path: Path) -> None:
    port = free_port()
    asking = [Asking(port) for _ in range(4)]
    try:
        with on_port(workspace, tmp_path / "first", port) as first:
            for client in asking:
                client.n_answered_more(50)
            first.send_signal(signal.SIGKILL)
        with on_port(workspace, tmp_path / "second", port):
            for client in asking:
                client.n_answered_more(50)
    finally:
        outcomes = sum((client.stop() for client in asking), Counter[str]())
    assert set(outcomes) == {"200", "no connection"}


@pytest.mark.parametrize("fault", ["moved", "gone", "read-only", "file in its place"])
def test_a_model_folder_that_goes_away_changes_no_answer(workspace: Path, tmp_path: Path, fault: str) -> None:
    models = workspace / "models"

    def refused() -> object:
        return httpx.get(f"{service.address}/health/ready").json().get("refused")

    with served(workspace, tmp_path / "log") as service:
        assert label(service) == "Карта"
        if fault == "read-only":
            for path in (*models.rglob("*"), models):
                path.chmod(path.stat().st_mode & ~0o222)
            service.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "was loaded again" in (tmp_path / "log").read_text("utf-8"))
            assert refused() is None
        else:
            models.rename(tmp_path / "elsewhere")
            if fault == "gone":
                shutil.rmtree(tmp_path / "elsewhere")
            if fault == "file in its place":
                models.write_text("", "utf-8")
            wait_until(lambda: refused() is not None)
        assert label(service) == "Карта"
        if fault == "moved":
            (tmp_path / "elsewhere").rename(models)
            wait_until(lambda: refused() is None)
            assert label(service) == "Карта"


def test_jumps_of_the_clock_change_no_answer(workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(CLOCK, "utf-8")
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path / "clock"), os.environ.get("PYTHONPATH")]))
    )
    with served(workspace, tmp_path / "log") as service, httpx.Client(base_url=service.address) as client:
        assert [client.post("/v1/classify", json=TEXT).status_code for _ in range(200)] == [200] * 200
        assert client.get("/health/ready").status_code == 200
        promote(workspace / "models", make_bundle(workspace / "models", strength=5.0).id)
        wait_until(lambda: "serves from now on" in (tmp_path / "log").read_text("utf-8"))
        assert client.post("/v1/classify", json=TEXT).status_code == 200


def test_1000_idle_connections_keep_nobody_out(workspace: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1_200:
        pytest.skip("this machine allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1_200), hard))
    try:
        with served(workspace, tmp_path / "log") as service, ExitStack() as idle:
            for _ in range(1_000):
                idle.enter_context(socket.create_connection(("127.0.0.1", service.port)))
            assert {label(service) for _ in range(20)} == {"Карта"}
        assert "Traceback" not in (tmp_path / "log").read_text("utf-8")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
