"""`firstline search`: killed and gone on with, applied, and seen in the next training."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.functional.conftest import Run

COMMAND = ("search", "--candidate", "linear.v1", "--folds", "2", "--json")


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with few messages and a small search."""
    from tests.functional.conftest import run_firstline

    folder = tmp_path_factory.mktemp("search") / "bank"
    assert run_firstline("init", folder, "--demo").returncode == 0
    lines = (folder / "history.csv").read_text("utf-8").splitlines()
    (folder / "few.csv").write_text("\n".join(lines[:300]), "utf-8")
    assert run_firstline("import", folder / "few.csv", "-w", folder).returncode == 0
    settings = folder / "firstline.toml"
    text = settings.read_text("utf-8").replace("population = 12", "population = 4")
    settings.write_text(text.replace("generations = 20", "generations = 2"), "utf-8")
    return folder


def test_killed_again_and_again_it_ends_where_an_undisturbed_one_ends(firstline: Run, bank: Path) -> None:
    dice = random.Random(0)
    for number in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "firstline", *COMMAND, "-w", str(bank)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 120
        while _n_trials(bank) <= number and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(dice.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
    n_before = _n_trials(bank)
    assert n_before >= 3
    broken = json.loads(firstline(*COMMAND, "-w", bank).stdout)
    (bank / "searches").rename(bank / "searches-of-before")
    whole = json.loads(firstline(*COMMAND, "-w", bank).stdout)
    assert broken["population"] == whole["population"]
    assert broken["is_finished"]
    assert (Path(whole["folder"]) / "search.svg").read_text("utf-8").startswith("<svg")


def test_it_names_the_command_that_applies_what_it_found(firstline: Run, bank: Path) -> None:
    said = firstline(*COMMAND[:-1], "--seed", "0", "-w", bank).stdout
    if "Next:" not in said:
        assert "chance" in said or "Nothing is better" in said
        return
    assert f"Next: firstline search --candidate linear.v1 --folds 2 --seed 0 --apply --workspace {bank}" in said


def test_better_settings_are_applied_and_trained_with(firstline: Run, bank: Path) -> None:
    applied = json.loads(firstline(*COMMAND, "--apply", "-w", bank).stdout)
    text = (bank / "firstline.toml").read_text("utf-8")
    if not applied["is_applied"]:
        assert '[candidates."linear.v1"]' not in text
        return
    assert '[candidates."linear.v1"]\n# From firstline search on ' in text
    trained = firstline("train", "--candidates", "linear.v1", "--folds", "2", "-w", bank)
    assert trained.returncode == 0, trained.stderr
    again = firstline("search", "--candidate", "linear.v1", "--folds", "2", "-w", bank)
    assert "goes on with" in again.stderr


def test_a_wrong_setting_of_a_candidate_is_named(firstline: Run, bank: Path) -> None:
    settings = bank / "firstline.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text + '\n[candidates."forest.v1"]\nn_trees = 5\n', "utf-8")
    failed = firstline("train", "--candidates", "linear.v1", "-w", bank)
    settings.write_text(text, "utf-8")
    assert failed.returncode == 1
    assert "expected a whole number from 50 to 600, got 5" in failed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--candidate", "none.v1"), 2, "There is no candidate 'none.v1'."),
        (("--candidate", "blend.v1"), 1, "blend.v1 has nothing to set."),
        (("--candidate", "linear.v1", "--dask", "tcp://127.0.0.1:9"), 1, "No Dask scheduler answers"),
    ],
)
def test_what_cannot_be_searched_is_said(
    firstline: Run, bank: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    failed = firstline("search", *arguments, "-w", bank)
    assert failed.returncode == code
    assert said in failed.stderr


def _n_trials(bank: Path) -> int:
    return sum(file.read_text("utf-8").count("\n") for file in bank.glob("searches/*/trials.jsonl"))
