"""The words are held to the code: blocks of the README and of docs/ run, generated pages are up to date."""

import doctest
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
import typer.main

from firstline.cli import app
from tests.make_docs import TARGET, settings_page

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCES = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = FENCES.findall(README)
TRANSCRIPTS = [
    "README.md",
    "docs/import.md",
    "docs/training.md",
    "docs/serving.md",
    "docs/languages.md",
    "docs/operations.md",
]
"""The pages whose console blocks run, one after the other, in the workspace that the README makes."""
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def transcript(page: str) -> Iterator[tuple[str, str]]:
    """The commands of a page's console blocks, each with the output that the page shows."""
    for kind, block in FENCES.findall((ROOT / page).read_text("utf-8")):
        if kind == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield command, output


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "140"}


def is_exact(command: str) -> bool:
    """Whether a command prints the same on every machine, to the last digit."""
    return command.startswith(("firstline init", "firstline import", "echo"))


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


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[str]]]:
    """What the commands of each page printed, where it is not what the page shows."""
    folder = tmp_path_factory.mktemp("docs")
    port = str(free_port())
    servers: list[subprocess.Popen[bytes]] = []

    def run(page: str) -> Iterator[str]:
        for written, expected in transcript(page):
            command = written.replace("8080", port)
            if command.endswith("&"):
                servers.append(
                    subprocess.Popen(command[:-1].split(), cwd=folder, env=environment(), stderr=subprocess.DEVNULL)
                )
                wait_for(f"http://127.0.0.1:{port}/health/ready")
                continue
            done = subprocess.run(
                command, shell=True, cwd=folder, env=environment(), capture_output=True, encoding="utf-8"
            )
            shown, printed = (text if is_exact(command) else shape(text) for text in (expected, done.stdout))
            if done.returncode or not doctest.OutputChecker().check_output(shown, printed, FLAGS):
                yield f"{command}\n{done.stdout}\n{done.stderr}"

    try:
        yield {page: list(run(page)) for page in TRANSCRIPTS}
    finally:
        for server in servers:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=20)


@pytest.mark.parametrize("page", TRANSCRIPTS)
def test_console_blocks_print_what_the_page_shows(problems: dict[str, list[str]], page: str) -> None:
    assert list(transcript(page)), f"{page} has no console block"
    assert problems[page] == []


def test_python_blocks_print_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIRSTLINE_TRAINING__LEARNING_CURVE", "false")
    (tmp_path / "history.csv").write_bytes(files("firstline.messages").joinpath("demo/history.csv").read_bytes())
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    blocks = "\n".join(block for kind, block in FENCES.findall(page) if kind == "pycon")
    test = doctest.DocTestParser().get_doctest(blocks, {}, "docs/python.md", None, 0)
    said: list[str] = []
    found = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert found.attempted > 15
    assert "".join(said) == ""


def test_the_readme_is_read_in_four_minutes() -> None:
    assert len(README.split()) <= 1_400


def test_the_readme_names_every_page_of_the_docs() -> None:
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name})" not in README] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)[)#]", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


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


def test_every_command_is_in_the_docs() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    root = typer.main.get_command(app)
    assert [name for name in root.commands if f"firstline {name}" not in text] == []  # type: ignore[attr-defined]


def test_settings_page_is_up_to_date() -> None:
    assert TARGET.read_text("utf-8") == settings_page()


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: str(page.relative_to(ROOT)))
def test_no_document_names_a_folder_of_the_authors_machine(page: Path) -> None:
    assert not re.search(r"/(work|root|home|tmp)/", page.read_text("utf-8"))
