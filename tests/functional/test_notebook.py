"""`firstline retrain --notebook`, with kernels of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from firstline.bundle.registry import champion_id
from tests.commands import Run
from tests.unit.retraining.notebooks import TRAINS, text_of, write_notebook

SECRET = "капибара"
NEW_CLASS = [f"как взять ипотеку на {what}" for what in ("квартиру", "дом", "участок", "гараж", "студию", "дачу")]


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with a champion, and labels of a class that it does not know."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 3')
    settings.write_text(text, "utf-8")
    return folder


def add_a_class(firstline: Run, place: Path) -> None:
    file = place / "new.csv"
    file.write_text("text,label\n" + "".join(f"{text},Ипотека\n" for text in NEW_CLASS), "utf-8")
    assert firstline("import", file, "-w", place).returncode == 0


def executed(place: Path) -> Path:
    (file,) = (place / "reports").glob("*.ipynb")
    return file


def test_the_model_of_a_notebook_goes_through_the_gates(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    add_a_class(firstline, place)
    notebook = write_notebook(place / "my.ipynb", TRAINS, "print(folds, candidates, made.challenger)")
    never = firstline("retrain", "--notebook", notebook, "--promote", "never", "--json", "-w", place)
    assert (never.returncode, champion_id(place / "models")) == (3, before)
    done = firstline("retrain", "--notebook", notebook, "--json", "-w", place)
    found = json.loads(done.stdout)
    assert (done.returncode, found["promoted"], found["champion"]) == (0, True, before)
    assert {gate["gate"] for gate in found["gates"]} >= {"self_check", "macro_f1", "new_labels"}
    assert champion_id(place / "models") == found["challenger"]
    file = Path(found["notebook"])
    assert f"3 ['linear.v1'] {found['challenger']}" in text_of(file)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert [path.name for path in (place / "tmp").iterdir()] == [".lock"]


def test_a_cell_that_fails_costs_no_champion_and_tells_no_text(firstline: Run, place: Path) -> None:
    before = champion_id(place / "models")
    notebook = write_notebook(place / "my.ipynb", f"print('{SECRET}')\nraise ValueError('{SECRET}')", "1 / 0")
    done = firstline("retrain", "--notebook", notebook, "-w", place)
    assert done.returncode == 1
    assert "Error: Code cell 2 of the notebook failed: ValueError.\n" in done.stderr
    assert str(executed(place)) in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert SECRET in text_of(executed(place))
    assert champion_id(place / "models") == before


def test_an_error_of_firstline_is_named(firstline: Run, place: Path) -> None:
    cell = "import firstline\nfirstline.Workspace(workspace).train(['nothing.v1'])"
    done = firstline("retrain", "--notebook", write_notebook(place / "my.ipynb", cell), "-w", place)
    assert done.returncode == 1
    assert "failed: CandidateUnknown.\n" in done.stderr
    assert "nothing.v1" in text_of(executed(place))


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
            "kernel was killed in code cell 2; it may",
        ),
        ("raise MemoryError", "Code cell 2 of the notebook ran out of memory."),
        ("import sys\nsys.exit(5)", "Code cell 2 of the notebook failed: SystemExit."),
        ("1 + 1", "no training finished in it, so there is no new model"),
    ],
)
def test_other_ends_of_a_notebook_are_told(firstline: Run, place: Path, cell: str, told: str) -> None:
    before = champion_id(place / "models")
    done = firstline("retrain", "--notebook", write_notebook(place / "my.ipynb", cell), "-w", place)
    assert (done.returncode, champion_id(place / "models")) == (1, before)
    assert told in " ".join(done.stderr.split())
    assert executed(place).is_file()


def test_nothing_is_written_outside_the_workspace(
    firstline: Run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    for folder in (home, temporary):
        folder.mkdir(mode=0o500)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    cell = (
        "import pathlib, tempfile\npathlib.Path(tempfile.mkdtemp(), 'a').write_text('a')\nprint(tempfile.gettempdir())"
    )
    done = firstline("retrain", "--notebook", write_notebook(place / "my.ipynb", cell, TRAINS), "-w", place)
    assert done.returncode == 0, done.stderr
    assert f"{place.resolve()}/tmp/firstline-" in text_of(executed(place))
    assert [*home.iterdir(), *temporary.iterdir()] == []


def test_executed_notebooks_are_forgotten(firstline: Run, place: Path) -> None:
    notebook = write_notebook(place / "my.ipynb", TRAINS)
    assert firstline("retrain", "--notebook", notebook, "-w", place).returncode == 0
    (place / "text.txt").write_text("Где мой перевод?", "utf-8")
    name = executed(place).name
    done = firstline("forget", "--text", place / "text.txt", "--json", "-w", place)
    assert done.returncode == 0, done.stderr
    assert name in json.loads(done.stdout)["reports"]
    assert list((place / "reports").glob("*.ipynb")) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [(("new.csv",), "A FILE needs --notebook."), (("--notebook", "--dask", "tcp://a:1"), "does not run on a cluster")],
)
def test_options_that_exclude_each_other_are_refused(
    firstline: Run, place: Path, options: tuple[str, ...], told: str
) -> None:
    done = firstline("retrain", *options, "-w", place)
    assert done.returncode == 2
    assert told in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ends_by", [signal.SIGINT, signal.SIGKILL])
def test_the_kernel_ends_with_the_command(place: Path, ends_by: int) -> None:
    notebook = write_notebook(
        place / "my.ipynb", f"open('began', 'w').close()\nimport time\n'{SECRET}'\ntime.sleep(600)"
    )
    command = [sys.executable, "-m", "firstline", "retrain", "--notebook", str(notebook), "-w", str(place)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as started:
        for _ in range(600):
            if (place / "began").exists():
                break
            time.sleep(0.1)
        (kernel,) = psutil.Process(started.pid).children()
        os.kill(started.pid, ends_by)
        _, told = started.communicate(timeout=30)
    assert started.returncode == (130 if ends_by == signal.SIGINT else -signal.SIGKILL)
    assert SECRET not in told
    kernel.wait(timeout=30)
    assert not kernel.is_running()


@pytest.mark.slow
def test_the_shipped_notebook_runs_on_the_demo_messages(firstline: Run, demo: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(demo, tmp_path / "bank"))
    settings = place / "firstline.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace('candidates = ["auto"]', 'candidates = ["linear.v1", "lsa.v1"]'), "utf-8")
    done = firstline("retrain", "--notebook", "--promote", "always", "-w", place)
    assert done.returncode == 0, done.stderr
    assert (place / "notebooks" / "training.ipynb").is_file()
    notebook = nbformat.read(executed(place), as_version=4)  # type: ignore[no-untyped-call]
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    charts = [output.data["image/svg+xml"] for output in outputs if "image/svg+xml" in output.get("data", {})]
    assert len(charts) == 6
    assert [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"] == []
    assert not any(address in chart for chart in charts for address in ("https:", "<script", "<image"))
