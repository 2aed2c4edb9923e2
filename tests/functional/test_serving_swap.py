"""A running service takes a promoted model, in one process or in several."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from firstline.bundle.registry import promote
from tests.bundles import make_bundle, manifest
from tests.service import Running, served, wait_until

N_REQUESTS = 1_000


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models that answer with other confidences, in a workspace without a database."""
    workspace = tmp_path_factory.mktemp("swapped")
    (workspace / "firstline.toml").write_text("", "utf-8")
    folder = workspace / "models"
    make_bundle(folder)
    make_bundle(folder, draft=manifest(temperature=3.0))
    return folder


@pytest.fixture
def first_and_second(models: Path) -> tuple[str, str]:
    """Their ids; the first is the champion."""
    first, second = sorted(path.name for path in models.iterdir() if path.is_dir())
    promote(models, first)
    return first, second


def answer(client: httpx.Client) -> tuple[str, float]:
    response = client.post("/v1/classify", json={"text": "карта"})
    assert response.status_code == 200, response.text
    found = response.json()
    return found["model"], found["confidence"]


def model_now(service: Running) -> str:
    return str(httpx.get(f"{service.address}/health/ready").json()["model"])


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_promotion_in_the_middle_of_1000_requests_fails_none_and_mixes_none(
    models: Path, first_and_second: tuple[str, str], tmp_path: Path, n_processes: int
) -> None:
    first, second = first_and_second
    asked = threading.Semaphore(0)

    def ask(address: str) -> list[tuple[str, float]]:
        found = []
        with httpx.Client(base_url=address, timeout=30) as client:
            for _ in range(N_REQUESTS // 4):
                found.append(answer(client))
                asked.release()
            # However fast the requests were, until the new model answers.
            wait_until(lambda: bool(found.append(answer(client)) or found[-1][0] == second))  # type: ignore[func-returns-value]
        return found

    with (
        served(models.parent, tmp_path / "log", "--processes", str(n_processes)) as service,
        ThreadPoolExecutor(4) as threads,
    ):
        asking = [threads.submit(ask, service.address) for _ in range(4)]
        for _ in range(N_REQUESTS // 4):
            assert asked.acquire(timeout=60)
        promote(models, second)
        answers = {answer for one in asking for answer in one.result()}
    by_model = dict(answers)
    assert set(by_model) == {first, second}
    assert len(answers) == 2  # each model has one answer to this text
    assert by_model[first] != by_model[second]


def test_a_batch_has_one_model_throughout(models: Path, first_and_second: tuple[str, str], tmp_path: Path) -> None:
    first, second = first_and_second
    body = {"messages": [{"id": place, "text": "карта"} for place in range(1_000)]}
    with served(models.parent, tmp_path / "log") as service, httpx.Client(base_url=service.address) as client:
        found: list[Any] = [client.post("/v1/classify/batch", json=body, timeout=30).json()]
        promote(models, second)
        wait_until(
            lambda: bool(
                found.append(client.post("/v1/classify/batch", json=body, timeout=30).json())  # type: ignore[func-returns-value]
                or found[-1]["model"] == second
            )
        )
    assert {batch["model"] for batch in found} == {first, second}
    for batch in found:
        assert len({item["confidence"] for item in batch["results"]}) == 1


def test_health_tells_which_model_was_refused(models: Path, first_and_second: tuple[str, str], tmp_path: Path) -> None:
    first, second = first_and_second
    weights = next((models / second).rglob("weights.npy"))
    content = weights.read_bytes()
    with served(models.parent, tmp_path / "log") as service:

        def refused() -> Any:
            return httpx.get(f"{service.address}/health/ready").json().get("refused")

        try:
            weights.write_bytes(content[:100])
            promote(models, second)
            wait_until(lambda: refused() is not None)
            assert model_now(service) == first
            assert refused()["code"] == "bundle_damaged"
        finally:
            weights.write_bytes(content)
        wait_until(lambda: model_now(service) == second)
        assert refused() is None


def test_a_hangup_loads_the_model_again(models: Path, first_and_second: tuple[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served(models.parent, log) as service:
        assert model_now(service) == first_and_second[0]
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "was loaded again" in log.read_text("utf-8"))
        assert model_now(service) == first_and_second[0]


def test_a_folder_of_models_needs_no_workspace(models: Path, first_and_second: tuple[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "firstline", "serve", "--models", str(models), "--port", "0"]
    settings = {**os.environ, "FIRSTLINE_SERVING__MAX_TEXT_CHARS": "5"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=settings, cwd=tmp_path) as process:
        try:
            assert process.stderr is not None
            said = ""
            while "http://" not in said:
                said = process.stderr.readline()
            address = said.split(" at ")[1].split()[0]
            assert first_and_second[0] in said
            assert httpx.post(f"{address}/v1/classify", json={"text": "карта"}).status_code == 200
            assert httpx.post(f"{address}/v1/classify", json={"text": "перевод"}).status_code == 413
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture
def several(models: Path, first_and_second: tuple[str, str], tmp_path: Path) -> Iterator[Running]:
    with served(models.parent, tmp_path / "log", "--processes", "2") as service:
        wait_until(lambda: (tmp_path / "log").read_text("utf-8").count("startup complete") == 2)
        yield service


def workers(service: Running) -> list[psutil.Process]:
    """The processes that answer: each has the listening socket."""
    found = []
    for process in psutil.Process(service.process.pid).children():
        if any(item.status == psutil.CONN_LISTEN for item in process.net_connections()):
            found.append(process)
    return found


def test_a_process_that_is_killed_is_replaced(several: Running) -> None:
    before = {process.pid for process in workers(several)}
    killed = workers(several)[0]
    killed.kill()
    wait_until(lambda: len(workers(several)) == 2 and killed.pid not in {item.pid for item in workers(several)})
    assert len(before & {item.pid for item in workers(several)}) == 1
    assert several.process.poll() is None


def test_all_processes_end_with_the_signal(several: Running) -> None:
    begun = workers(several)
    several.process.terminate()
    assert several.process.wait(20) == 0
    assert not any(process.is_running() for process in begun)


def test_all_processes_end_with_a_killed_parent(several: Running) -> None:
    begun = workers(several)
    several.process.kill()
    wait_until(lambda: not any(process.is_running() for process in begun))
    assert len(begun) == 2


def test_all_processes_take_a_hangup(several: Running, tmp_path: Path) -> None:
    log = tmp_path / "log"
    several.process.send_signal(signal.SIGHUP)
    wait_until(lambda: log.read_text("utf-8").count("was loaded again") == 2)
    assert len(workers(several)) == 2


def test_a_hangup_while_processes_start_ends_none(models: Path, tmp_path: Path) -> None:
    with served(models.parent, tmp_path / "log", "--processes", "2") as service:
        for _ in range(20):
            service.process.send_signal(signal.SIGHUP)
            time.sleep(0.05)
        wait_until(lambda: (tmp_path / "log").read_text("utf-8").count("startup complete") == 2)
        assert service.process.poll() is None
        assert "another takes its place" not in (tmp_path / "log").read_text("utf-8")


def test_a_process_that_cannot_be_replaced_is_tried_again_and_the_end_is_orderly(
    several: Running, tmp_path: Path
) -> None:
    soft, hard = resource.prlimit(several.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(several.process.pid, resource.RLIMIT_NOFILE, (4, hard))
    killed = workers(several)[0]
    killed.kill()
    wait_until(lambda: "cannot be started" in (tmp_path / "log").read_text("utf-8"))
    assert model_now(several)
    resource.prlimit(several.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    several.process.terminate()
    assert several.process.wait(20) == 0


def test_a_model_that_does_not_load_ends_them_all(models: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(models.parent), "--port", "0"]
    done = subprocess.run(
        [*command, "--processes", "2", "--model", "nothing"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.count("There is no model 'nothing'") == 1
