"""Metrics, log and recorded answers of the real service."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from firstline.bundle.registry import promote
from firstline.store.records import forget_records, read_records
from tests.bundles import make_bundle
from tests.commands import Run
from tests.service import served, wait_until


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "w"
    subprocess.run([sys.executable, "-m", "firstline", "init", str(folder)], check=True, capture_output=True)
    promote(folder / "models", make_bundle(folder / "models").id)
    return folder


def figure(told: str, name: str) -> float:
    """The sum of the figures whose names begin so."""
    return sum(float(line.rpartition(" ")[2]) for line in told.splitlines() if line.startswith(name))


def test_any_of_several_processes_tells_the_figures_of_all(workspace: Path, tmp_path: Path) -> None:
    with served(workspace, tmp_path / "log", "--processes", "2") as service:
        wait_until(lambda: figure(_scrape(service.address), "firstline_model_serving") == 2)
        for _ in range(30):
            _post(service.address, "карта")
        told = [_scrape(service.address) for _ in range(5)]
        for one in told:
            assert figure(one, "firstline_answers_total") == 30
            assert figure(one, 'firstline_request_duration_seconds_count{route="/v1/classify"}') == 30
            assert figure(one, "process_resident_memory_bytes") > 2_000_000
        worker = _children(service.process.pid)[-1]
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: figure(_scrape(service.address), "firstline_model_serving") == 2)
        # What the killed one has counted stays.
        wait_until(lambda: figure(_scrape(service.address), "firstline_answers_total") == 30)


def test_each_request_is_logged_with_its_id_and_without_its_text(workspace: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served(workspace, log) as service:
        _post(service.address, "арбуз")
        httpx.post(f"{service.address}/v1/classify?арбуз=1", content="арбуз".encode())
        httpx.get(f"{service.address}/health/live")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line.startswith("{")]
    requests = [line for line in lines if "status" in line]
    # Whatever the end of the service says comes last.
    assert lines[-1]["message"].startswith("Finished server process")
    assert [(line["route"], line["status"]) for line in requests] == [("/v1/classify", 200), ("/v1/classify", 400)]
    assert requests[0]["request_id"] == "r-1"
    assert requests[0]["messages"] == 1
    assert requests[1]["error"] == "invalid_request"
    assert "арбуз" not in log.read_text("utf-8")


def test_answers_go_on_while_nobody_reads_the_log(workspace: Path) -> None:
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(workspace), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = ""
        while "at http" not in address:
            address = process.stderr.readline()
        address = address.partition("at ")[2].split()[0]
        with httpx.Client(base_url=address) as client:
            # More than a pipe holds.
            for _ in range(400):
                assert client.get("/" + "x" * 10).status_code == 404
            wait_until(lambda: client.get("/health/live").status_code == 200)
        began = time.monotonic()
        process.terminate()
        process.wait(timeout=20)
        assert time.monotonic() - began < 15


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_service_starts_and_answers_with_no_room_for_the_log(workspace: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(workspace), "--port", str(port)]
    with Path("/dev/full").open("w") as full, subprocess.Popen(command, stderr=full) as process:
        try:
            wait_until(lambda: _is_live(f"http://127.0.0.1:{port}"))
            assert _post(f"http://127.0.0.1:{port}", "карта").status_code == 200
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_recorded_answers_are_forgotten_while_the_service_goes_on(
    workspace: Path, tmp_path: Path, firstline: Run
) -> None:
    _record_all(workspace)
    (tmp_path / "text.txt").write_text("верните анна@example.com", "utf-8")
    records = workspace / "records"
    with served(workspace, tmp_path / "log") as service:
        _post(service.address, "верните анна@example.com")
        batch = {"messages": [{"id": 7, "text": "карта"}, {"id": 8, "text": "перевод"}]}
        httpx.post(f"{service.address}/v1/classify/batch", json=batch)
        wait_until(lambda: len([*read_records(records)]) == 3)
        done = firstline("forget", "7", "--text", tmp_path / "text.txt", "-w", workspace)
        assert "2 recorded answers deleted" in done.stdout, done.stderr

        def is_recorded_again() -> bool:
            _post(service.address, "ещё")
            return len([*read_records(records)]) > 1

        # Until the service has noticed, what waits is dropped.
        wait_until(is_recorded_again)
        _post(service.address, "последнее")
    assert [*dict.fromkeys(found.text for found in read_records(records))] == ["перевод", "ещё", "последнее"]


def test_an_answer_that_still_waits_is_forgotten_too(workspace: Path, tmp_path: Path) -> None:
    _record_all(workspace)
    records = workspace / "records"
    with served(workspace, tmp_path / "log") as service:
        batch = {"messages": [{"id": 7, "text": "карта"}]}
        assert httpx.post(f"{service.address}/v1/classify/batch", json=batch).status_code == 200
        forget_records(records, ids={"7"})
    assert [*read_records(records)] == []


def test_a_place_for_records_that_cannot_be_written_to_is_an_error(workspace: Path, firstline: Run) -> None:
    (workspace / "records").write_text("", "utf-8")
    _record_all(workspace)
    done = firstline("serve", "--port", "0", "-w", workspace)
    assert done.returncode == 1
    assert "Answers cannot be recorded in" in done.stderr


def _record_all(workspace: Path) -> None:
    settings = workspace / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("[serving]\n", '[serving]\nrecord = "all"\n'), "utf-8")


def _post(address: str, text: str) -> httpx.Response:
    return httpx.post(f"{address}/v1/classify", json={"text": text}, headers={"X-Request-ID": "r-1"})


def _scrape(address: str) -> str:
    return httpx.get(f"{address}/metrics").text


def _is_live(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health/live").status_code == 200
    except httpx.TransportError:
        return False


def _children(parent: int) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process(parent).children() if "spawn_main" in " ".join(child.cmdline())]
