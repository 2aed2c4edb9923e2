"""Killed at any moment, a command has done all of its work or nothing of it, and the same again ends as undisturbed."""

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.engine import URL

from firstline.store.database import open_database
from tests.commands import run_here
from tests.unit.store.filling import ids, labelled, texts
from tests.unit.store.test_migrations import fill_old_database

pytestmark = pytest.mark.slow
N_ROWS, N_KILLS = 8_000, 20
State = tuple[object, ...]


def write_history(path: Path, n_rows: int = N_ROWS, label: str = "Карта") -> Path:
    rows = "".join(f"{n},где карта номер {n % 977} {n},{label if n % 2 else ''}\n" for n in range(n_rows))
    path.write_text(f"id,text,label\n{rows}", "utf-8")
    return path


def state(workspace: Path) -> State:
    engine = open_database(URL.create("sqlite", database=str(workspace / "firstline.db")))
    try:
        return texts(engine), ids(engine), labelled(engine)
    finally:
        engine.dispose()


def old_state(workspace: Path) -> int:
    """The rows of a database that is not migrated, or is: reading must not migrate it."""
    engine = create_engine(URL.create("sqlite", database=str(workspace / "firstline.db")))
    try:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql("SELECT count(*) FROM messages").scalar() or 0)
    finally:
        engine.dispose()


def empty(folder: Path) -> Path:
    assert run_here("init", folder).returncode == 0
    return folder


def filled(folder: Path) -> Path:
    empty(folder)
    assert run_here("import", write_history(folder / "history.csv"), "-w", folder).returncode == 0
    return folder


def importing(folder: Path) -> list[str]:
    empty(folder)
    return ["import", str(write_history(folder / "history.csv"))]


def relabelling(folder: Path) -> list[str]:
    filled(folder)
    return ["import", str(write_history(folder / "history.csv", label="Заказ")), "--relabel"]


def forgetting(folder: Path) -> list[str]:
    filled(folder)
    (folder / "ids.txt").write_text("\n".join(str(n) for n in range(0, N_ROWS, 3)), "utf-8")
    return ["forget", "--ids", str(folder / "ids.txt")]


def migrating(folder: Path) -> list[str]:
    empty(folder)
    (folder / "firstline.db").unlink()
    rows = [(f"где карта {n}", None, str(n), ("Карта",) if n % 2 else ()) for n in range(N_ROWS)]
    fill_old_database(URL.create("sqlite", database=str(folder / "firstline.db")), rows)
    return ["status"]


def run_and_kill(arguments: list[str], workspace: Path, after_s: float) -> bool:
    """Whether it was killed before its end."""
    command = [sys.executable, "-m", "firstline", *arguments, "-w", str(workspace)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGKILL)
        return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("prepare", [importing, relabelling, forgetting, migrating])
def test_all_or_nothing(tmp_path: Path, prepare: Callable[[Path], list[str]]) -> None:
    start = tmp_path / "start"
    arguments = prepare(start)
    whole = Path(shutil.copytree(start, tmp_path / "whole"))
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "firstline", *arguments, "-w", str(whole)], capture_output=True)
    lasts_s = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    after = state(whole)
    before = None if prepare is migrating else state(start)
    dice = random.Random(0)
    n_killed = 0
    for number in range(N_KILLS):
        workspace = Path(shutil.copytree(start, tmp_path / str(number)))
        n_killed += run_and_kill(arguments, workspace, dice.uniform(0.2, 0.8) * lasts_s)
        is_over = False
        if before is None:
            assert old_state(workspace) == N_ROWS
        else:
            found = state(workspace)
            assert found in (before, after)
            is_over = found == after
        again = run_here(*arguments, "-w", workspace)
        # Nothing is left to forget if it was over.
        assert again.returncode == (1 if is_over and prepare is forgetting else 0), again.stderr
        assert state(workspace) == after
        shutil.rmtree(workspace)
    assert n_killed > N_KILLS / 3


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_classification_that_is_killed_resumes(demo: Path, tmp_path: Path, ending: str) -> None:
    source, out, whole = tmp_path / "in.csv", tmp_path / f"out.{ending}", tmp_path / f"whole.{ending}"
    write_history(source, n_rows=60_000)
    assert run_here("classify", source, "-o", whole, "-w", demo).returncode == 0
    command = [sys.executable, "-m", "firstline", "classify", str(source), "-o", str(out), "-w", str(demo)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not list(tmp_path.glob(".out.*/progress.json")):
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert not out.exists()
    done = run_here("classify", source, "-o", out, "-w", demo)
    assert (done.returncode, "resumes an earlier run that did not end, after row" in done.stderr) == (0, True)
    assert out.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob(".*"))
