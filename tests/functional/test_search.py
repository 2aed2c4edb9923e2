"""`firstline search`: killed and gone on with, applied, and seen in the next training."""

import json
import random
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import nullcontext
from pathlib import Path

import pytest

from firstline.cli import search as command
from firstline.search import connecting
from tests.commands import Run, run_process
from tests.unit.search.benches import Here

COMMAND = ("search", "--candidate", "linear.v1", "--folds", "2", "--json")
SMALL = {"FIRSTLINE_SEARCH__POPULATION": "4", "FIRSTLINE_SEARCH__GENERATIONS": "2"}


@pytest.fixture(autouse=True)
def small_search(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setenv(name, value)


def test_better_settings_are_applied_and_trained_with(
    firstline: Run, bank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "workers", lambda settings: nullcontext(Here()))
    settings = bank / "firstline.toml"
    told = firstline(*COMMAND[:-1], "-w", bank)
    assert f"Next: firstline search --candidate linear.v1 --folds 2 --apply --workspace {bank}" in told.stdout
    assert not tomllib.loads(settings.read_text("utf-8")).get("candidates")
    report = json.loads(firstline(*COMMAND, "--apply", "-w", bank).stdout)
    assert report["is_applied"]
    assert (Path(report["folder"]) / "search.svg").read_text("utf-8").startswith("<svg")
    applied = tomllib.loads(settings.read_text("utf-8"))["candidates"]["linear.v1"]
    assert applied["C"] == pytest.approx(report["best"]["settings"]["C"])
    model = json.loads(firstline("train", "--candidates", "linear.v1", "--folds", "2", "--json", "-w", bank).stdout)
    manifest = json.loads((bank / "models" / model["model"] / "manifest.json").read_bytes())
    assert manifest["training"]["candidate_settings"]["C"] == applied["C"]


def test_a_search_goes_on_with_what_is_kept(firstline: Run, bank: Path) -> None:
    first = json.loads(run_process(*COMMAND, "-w", bank).stdout)
    again = firstline(*COMMAND, "-w", bank)
    assert f"resumes with {first['n_trials']} trials from {first['folder']}" in again.stderr
    assert json.loads(again.stdout)["population"] == first["population"]


@pytest.mark.slow
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
        (("--candidate", "blend.v1"), 2, "blend.v1 mixes the other candidates"),
        (("--candidate", "linear.v1", "--dask", "tcp://127.0.0.1:9"), 1, "No Dask scheduler answers"),
    ],
)
def test_what_cannot_be_searched_is_said(
    firstline: Run,
    bank: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 1)
    failed = firstline("search", *arguments, "-w", bank)
    assert failed.returncode == code
    assert said in failed.stderr


def _n_trials(bank: Path) -> int:
    return sum(file.read_text("utf-8").count("\n") for file in bank.glob("searches/*/trials.jsonl"))
