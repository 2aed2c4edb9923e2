"""Runs that are listed, joined by another candidate, killed and gone on with."""

import json
import signal
from pathlib import Path

from tests.commands import Run, run_process

KILLED_AFTER_A_FOLD = """
import os, signal
from firstline.training.saved_folds import SavedFolds
keep_fold = SavedFolds.save_fold
def keep_and_die(*arguments):
    keep_fold(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
SavedFolds.save_fold = keep_and_die
"""


def test_runs_are_listed_and_joined(firstline: Run, bank: Path) -> None:
    assert "There is no run yet" in firstline("runs", "-w", bank).stdout
    assert firstline("train", "--candidates", "linear.v1,blend.v1", "--folds", "3", "-w", bank).returncode == 0
    assert "blend.v1 skipped" in firstline("runs", "-w", bank).stdout
    joined = firstline("train", "--candidates", "linear.v1,forest.v1,blend.v1", "--folds", "3", "-w", bank)
    assert joined.returncode == 0, joined.stderr
    assert "resumes run" in joined.stderr
    assert "Skipped blend.v1: " in joined.stdout
    (run,) = json.loads(firstline("runs", "--json", "-w", bank).stdout)
    assert [row["candidate"] for row in run["rows"]] == ["linear.v1", "forest.v1", "blend.v1"]
    assert run["id"] in firstline("runs", "-w", bank).stdout
    shown = firstline("runs", "show", run["id"][:15], "-w", bank)
    assert "finished, last model" in shown.stdout
    assert all(name in shown.stdout for name in ("linear.v1", "forest.v1", "blend.v1"))
    # Another that was begun in the same second.
    twin = bank / "runs" / f"{run['id']}-2"
    twin.mkdir()
    (twin / "run.json").write_text(json.dumps({**run, "id": twin.name}), "utf-8")
    assert f"{run['id']}: " in firstline("runs", "show", run["id"], "-w", bank).stdout


def test_a_killed_run_goes_on_where_it_was(firstline: Run, bank: Path) -> None:
    command = ("train", "--candidates", "linear.v1", "--folds", "3", "--json", "-w", str(bank))
    killed = run_process(*command, code=KILLED_AFTER_A_FOLD)
    assert killed.returncode == -signal.SIGKILL
    kept = {file: file.stat().st_mtime_ns for file in bank.glob("runs/*/linear.v1/*.npz")}
    assert len(kept) == 1
    assert "not finished" in firstline("runs", "-w", bank).stdout
    resumed = json.loads(firstline(*command).stdout)
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    undisturbed = json.loads(firstline(*command, "--fresh").stdout)
    assert resumed["model"] == undisturbed["model"]
    assert resumed["candidates"][0]["macro_f1"] == undisturbed["candidates"][0]["macro_f1"]


def test_a_latency_that_nothing_keeps_is_said(firstline: Run, bank: Path) -> None:
    done = firstline("train", "--candidates", "linear.v1", "--folds", "3", "--latency-ms", "0.0001", "-w", bank)
    assert done.returncode == 1
    assert "No candidate answers within 0.0001 ms; the fastest, linear.v1, takes" in done.stderr
    assert "Traceback" not in done.stderr


def test_one_run_is_json_wherever_the_option_stands(firstline: Run, bank: Path) -> None:
    assert firstline("train", "--candidates", "linear.v1", "--folds", "2", "-w", bank).returncode == 0
    (run,) = json.loads(firstline("runs", "--json", "-w", bank).stdout)
    for arguments in (("runs", "--json", "show", run["id"]), ("runs", "show", run["id"], "--json")):
        assert json.loads(firstline(*arguments, "-w", bank).stdout) == run


def test_a_workspaces_minutes_bound_what_it_chooses_itself(firstline: Run, bank: Path) -> None:
    settings = bank / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("minutes = 5.0", "minutes = 0.0001", 1), "utf-8")
    chosen = firstline("train", "--folds", "2", "-w", bank)
    assert chosen.returncode == 0
    assert "so linear.v1, which needs least, is trained anyway" in chosen.stderr
    assert "Skipped forest.v1: needs about" in chosen.stdout
    assert "Rerun with --minutes " in chosen.stdout
    named = firstline("train", "--candidates", "linear.v1", "--folds", "2", "-w", bank)
    assert named.returncode == 0, named.stderr
    bounded = firstline("train", "--candidates", "linear.v1,lsa.v1", "--folds", "2", "--minutes", "0.0001", "-w", bank)
    assert "Skipped lsa.v1: needs about" in bounded.stdout
