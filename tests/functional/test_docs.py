"""The words are held to the code: README blocks run, docs are up to date."""

import doctest
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import typer.main

from firstline.cli import app
from tests.make_docs import TARGET, settings_page

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def transcript() -> Iterator[tuple[str, str]]:
    """The commands of the console blocks, each with the output that the README shows."""
    for kind, block in BLOCKS:
        if kind == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "140"}


def is_exact(command: str) -> bool:
    """Whether a command prints the same on every machine, to the last digit."""
    return command.startswith(("firstline init", "firstline import"))


def shape(text: str) -> str:
    """The text with every number as 0, models and runs as ID, lines short: machines differ."""
    named = re.sub(r"\d{8}-\d{6}-[0-9a-f]{4}\b|-[0-9a-f]{8}\b", "-ID", text)
    return re.sub(r"\d*\.?\d+(?:e-\d+)?", "0", re.sub("─+", "─", named))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(address: str) -> None:
    for _ in range(100):
        try:
            httpx.get(address)
            return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{address} does not answer")


def test_every_block_of_the_readme_is_of_a_kind_that_is_tested() -> None:
    assert {kind for kind, _ in BLOCKS} <= {"console", "sh", "text"}


def test_console_blocks_print_what_the_readme_shows(tmp_path: Path) -> None:
    checker = doctest.OutputChecker()
    port = str(free_port())
    servers: list[subprocess.Popen[bytes]] = []
    try:
        for written, expected in transcript():
            command = written.replace("8080", port)
            if command.endswith("&"):
                servers.append(
                    subprocess.Popen(command[:-1].split(), cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL)
                )
                wait_for(f"http://127.0.0.1:{port}/health/ready")
                continue
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environment(), capture_output=True, encoding="utf-8"
            )
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            written_down, printed = (text if is_exact(command) else shape(text) for text in (expected, done.stdout))
            assert checker.check_output(written_down, printed, FLAGS), f"{command}\n{done.stdout}"
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)


def test_make_targets_of_the_readme_are_there() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = [line.removeprefix("make ") for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
    assert named == ["demo", "test"]
    assert set(named) <= set(targets)


@pytest.mark.slow
def test_demo_runs_the_loop(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", ROOT / "demo.sh"],
        cwd=tmp_path,
        env={**environment(), "BIN": str(Path(sys.executable).parent)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    assert '"label": "Банкомат"' in done.stdout
    assert "Where to go next" in done.stdout


def test_every_command_is_in_the_readme() -> None:
    root = typer.main.get_command(app)
    missing = [name for name in root.commands if f"firstline {name}" not in README and f"`{name}`" not in README]  # type: ignore[attr-defined]
    assert missing == []


def test_every_room_is_in_the_readme() -> None:
    rooms = [path.name for path in (ROOT / "src" / "firstline").iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f"\n  {room}/" not in README and f" {room}/ " not in README] == []


def test_settings_page_is_up_to_date() -> None:
    assert TARGET.read_text("utf-8") == settings_page()


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "docs/EXPERIMENTS.md"])
def test_no_document_names_a_folder_of_the_authors_machine(name: str) -> None:
    assert not re.search(r"/(work|root|home|tmp)/", (ROOT / name).read_text("utf-8"))
