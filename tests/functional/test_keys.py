"""Keys, TLS and host names of the served process, as a team uses them."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest

from tests.certificates import trusting, write_certificate
from tests.commands import Run
from tests.service import Running, served, wait_until

TEXT = {"text": "карта"}


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a model."""
    return Path(shutil.copytree(trained, tmp_path / "own"))


def new_key(firstline: Run, place: Path, name: str, *options: str) -> str:
    done = firstline("keys", "add", name, "-w", place, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def status(service: Running, key: str | None = None, **headers: str) -> int:
    """Of a classification on a connection of its own."""
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    return httpx.post(f"{service.address}/v1/classify", json=TEXT, headers=headers, timeout=30).status_code


def test_a_key_is_shown_once_listed_and_revoked(firstline: Run, place: Path) -> None:
    key = new_key(firstline, place, "desk", "--scope", "classify", "--scope", "explain", "--per-minute", "1200")
    assert stat.S_IMODE((place / "keys.json").stat().st_mode) == 0o600
    shown = firstline("keys", "list", "-w", place).stdout
    assert "desk" in shown
    assert "classify, explain" in shown
    assert "1,200" in shown
    assert key not in shown
    listed = json.loads(firstline("keys", "list", "-w", place, "--json").stdout)
    assert {name: listed[0][name] for name in ("name", "scopes", "per_minute")} == {
        "name": "desk",
        "scopes": ["classify", "explain"],
        "per_minute": 1200,
    }
    assert "sha256" not in listed[0]
    assert "is revoked" in firstline("keys", "revoke", "desk", "-w", place).stdout
    assert firstline("keys", "list", "-w", place).stdout == "There are no keys.\n"


def test_keys_of_a_machine_without_a_workspace(firstline: Run, tmp_path: Path) -> None:
    file = tmp_path / "models" / "keys.json"
    added = json.loads(firstline("keys", "add", "desk", "--scope", "models", "--file", file, "--json").stdout)
    assert added["key"].startswith("flk_")
    assert json.loads(firstline("keys", "revoke", added["id"], "--file", file, "--json").stdout)["name"] == "desk"
    both = firstline("keys", "list", "--file", file, "-w", tmp_path)
    assert both.returncode == 2
    assert "exclude each other" in both.stderr


def test_keys_lie_where_the_setting_says(firstline: Run, place: Path) -> None:
    text = (place / "firstline.toml").read_text("utf-8").replace("[serving]", '[serving]\nkeys = "secrets/api.json"')
    (place / "firstline.toml").write_text(text, "utf-8")
    new_key(firstline, place, "desk", "--scope", "classify")
    assert (place / "secrets" / "api.json").exists()


@pytest.mark.parametrize("options", [["add", "desk"], ["add", "desk", "--scope", "all"], ["revoke", "desk"]])
def test_wrong_usage_is_told(firstline: Run, place: Path, options: list[str]) -> None:
    done = firstline("keys", *options, "-w", place)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def refused_at_start(place: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(place), "--port", "0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("content", [None, "[]"])
def test_without_keys_only_this_machine_is_served(place: Path, content: str | None) -> None:
    if content is not None:
        (place / "keys.json").write_text(content)
    done = refused_at_start(place, "--host", "0.0.0.0")
    assert done.returncode == 2
    assert "firstline keys add NAME" in done.stderr
    assert "--without-keys" in done.stderr


def test_a_damaged_file_of_keys_is_told_at_the_start(place: Path) -> None:
    (place / "keys.json").write_text("[{")
    for options in ([], ["--processes", "2"]):
        done = refused_at_start(place, *options)
        assert done.returncode == 1
        assert "is not a file of keys" in done.stderr


def test_told_so_it_serves_everyone_without_keys(firstline: Run, place: Path, tmp_path: Path) -> None:
    new_key(firstline, place, "desk", "--scope", "models")
    with served(place, tmp_path / "log", "--host", "0.0.0.0", "--without-keys") as service:
        address = f"http://127.0.0.1:{service.port}"
        assert httpx.post(f"{address}/v1/classify", json=TEXT, headers={"host": "any"}).status_code == 200
    assert "no API keys: anyone" in (tmp_path / "log").read_text("utf-8")


def test_keys_come_into_force_and_go_while_it_serves(firstline: Run, place: Path, tmp_path: Path) -> None:
    with served(place, tmp_path / "log") as service:
        assert status(service) == 200
        assert status(service, host="evil.example") == 421
        assert httpx.get(f"{service.address}/health/live", headers={"host": "evil.example"}).status_code == 200
        key = new_key(firstline, place, "desk", "--scope", "classify")
        wait_until(lambda: status(service) == 401)
        assert status(service, key) == 200
        assert status(service, key, host="firstline.example") == 200
        firstline("keys", "revoke", "desk", "-w", place)
        wait_until(lambda: status(service, key) == 401)
        (place / "keys.json").unlink()
        wait_until(lambda: "is missing" in (tmp_path / "log").read_text("utf-8"))
        assert status(service) == 401
    assert key not in (tmp_path / "log").read_text("utf-8")


def test_a_revoked_key_stops_in_every_process_and_in_one_that_starts_later(
    firstline: Run, place: Path, tmp_path: Path
) -> None:
    key = new_key(firstline, place, "desk", "--scope", "classify")
    with served(place, tmp_path / "log", "--processes", "2") as service:
        assert {status(service, key) for _ in range(10)} == {200}
        firstline("keys", "revoke", "desk", "-w", place)
        wait_until(lambda: {status(service, key) for _ in range(20)} == {401})
        (place / "keys.json").unlink()
        for child in psutil.Process(service.process.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)
        wait_until(lambda: (tmp_path / "log").read_text("utf-8").count("takes its place") == 2)
        assert {status(service) for _ in range(20)} == {401}


def test_it_speaks_tls(firstline: Run, place: Path, tmp_path: Path) -> None:
    certificate, _ = write_certificate(place)
    text = (place / "firstline.toml").read_text("utf-8")
    text = text.replace("[serving]", '[serving]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"')
    (place / "firstline.toml").write_text(text, "utf-8")
    key = new_key(firstline, place, "desk", "--scope", "classify")
    for processes in ("1", "2"):
        with served(place, tmp_path / "log", "--processes", processes) as service:
            assert service.address.startswith("https://")
            with httpx.Client(verify=trusting(certificate), headers={"authorization": f"Bearer {key}"}) as client:
                for _ in range(3):
                    assert client.post(f"{service.address}/v1/classify", json=TEXT).status_code == 200
            write_certificate(place)
            with httpx.Client(verify=trusting(certificate)) as client:

                def is_renewed(client: httpx.Client = client, address: str = service.address) -> bool:
                    try:
                        return client.get(f"{address}/health/live").status_code == 200
                    except httpx.ConnectError:
                        return False

                wait_until(is_renewed)
            service.process.send_signal(signal.SIGTERM)
            service.process.wait(15)
        log = (tmp_path / "log").read_text("utf-8")
        assert "Traceback" not in log
        assert "ERROR" not in log


def test_a_folder_of_models_alone_has_keys_and_settings_of_its_own(
    firstline: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = place / "models"
    command = [sys.executable, "-m", "firstline", "serve", "--models", str(models), "--port", "0", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert f"--file {models / 'keys.json'}" in done.stderr
    monkeypatch.setenv("FIRSTLINE_SERVING__HOSTS", '["no:port"]')
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "Error: " in done.stderr
    assert "'serving.hosts.0' not a host name" in done.stderr


def test_half_a_pair_for_tls_is_refused(place: Path) -> None:
    text = (place / "firstline.toml").read_text("utf-8").replace("[serving]", '[serving]\ntls_key = "key.pem"')
    (place / "firstline.toml").write_text(text, "utf-8")
    done = refused_at_start(place)
    assert done.returncode == 1
    assert "needs both tls_certificate and tls_key" in done.stderr


def test_a_certificate_that_is_not_there_is_told(place: Path) -> None:
    text = (place / "firstline.toml").read_text("utf-8")
    text = text.replace("[serving]", '[serving]\ntls_certificate = "cert.pem"\ntls_key = "key.pem"')
    (place / "firstline.toml").write_text(text, "utf-8")
    done = refused_at_start(place)
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert "Traceback" not in done.stderr
