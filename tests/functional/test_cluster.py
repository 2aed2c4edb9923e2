"""`firstline train` and `firstline search` on a Dask cluster of real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from firstline.search import cluster, connecting
from firstline.search.workers import Limits
from tests.clusters import Started
from tests.commands import Run
from tests.unit.search.benches import Here

CANDIDATES = "linear.v1,lsa.v1"
MOST_S = 120


def figures(printed: str) -> dict[str, dict[str, float]]:
    names = ("accuracy", "macro_f1", "macro_precision", "calibration_error")
    return {row["candidate"]: {name: row[name] for name in names} for row in json.loads(printed)["candidates"]}


class Asked(Here):
    """A cluster that is this process, and does what it is asked."""

    n_workers = 2
    connected = None

    def __init__(self, address: str, limits: Limits) -> None:
        super().__init__(is_exact=True)
        self.address = address
        assert limits.seconds is None


def test_folds_are_trained_on_the_cluster(bank: Path, firstline: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Asked] = []

    @contextmanager
    def opened(address: str, limits: Limits) -> Iterator[Asked]:
        made.append(Asked(address, limits))
        yield made[-1]

    monkeypatch.setattr(cluster, "Cluster", opened)
    arguments = ("train", "-w", bank, "--candidates", "linear.v1", "--folds", "3", "--json")
    there = firstline(*arguments, "--dask", "tcp://10.0.0.1:8786")
    assert there.returncode == 0, there.stderr
    assert "using 2 workers at tcp://10.0.0.1:8786" in there.stderr
    assert [(one.address, one.n_asked) for one in made] == [("tcp://10.0.0.1:8786", 2)]
    assert figures(there.stdout) == figures(firstline(*arguments, "--fresh").stdout)


@pytest.mark.slow
def test_the_table_is_that_of_a_training_here_also_when_a_worker_is_lost(
    started: Started, tmp_path: Path, firstline: Run
) -> None:
    bank = tmp_path / "bank"
    for command in (("init", bank, "--demo"), ("import", bank / "history.csv", "-w", bank)):
        assert firstline(*command).returncode == 0
    arguments = ("-w", str(bank), "--candidates", CANDIDATES, "--folds", "3", "--json", "--dask", started.address)
    process = [sys.executable, "-m", "firstline", "train", *arguments]
    with subprocess.Popen(process, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8") as training:
        deadline = time.monotonic() + MOST_S
        while not list(bank.glob("runs/*/linear.v1/*.npz")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(started.workers[0].pid, signal.SIGKILL)
        printed, said = training.communicate(timeout=MOST_S)
    assert training.returncode == 0, said
    here = firstline("train", *arguments[:-2], "--fresh")
    assert here.returncode == 0, here.stderr
    there, expected = figures(printed), figures(here.stdout)
    assert there.keys() == expected.keys() == set(CANDIDATES.split(","))
    # Where an array lies in memory decides about the last bits of float32, so not to the last digit.
    for name, row in expected.items():
        assert there[name] == pytest.approx(row, abs=0.005)


@pytest.mark.slow
def test_a_folder_is_classified_there_as_it_is_here(
    running: Started, demo: Path, tmp_path: Path, firstline: Run
) -> None:
    folder = tmp_path / "days"
    folder.mkdir()
    table = pl.read_csv(demo / "history.csv").select("id", "text")
    for number, part in enumerate(table.iter_slices(200)):
        part.write_parquet(folder / f"{number}.parquet")
    whole, there, here = tmp_path / "whole.parquet", tmp_path / "there.parquet", tmp_path / "here.parquet"
    table.write_parquet(whole)
    done = firstline("classify", folder, "-o", there, "-w", demo, "--dask", running.address)
    assert done.returncode == 0, done.stderr
    assert "using 2 workers" in done.stderr
    assert firstline("classify", folder, "-o", here, "-w", demo).returncode == 0
    assert there.read_bytes() == here.read_bytes()
    assert firstline("classify", whole, "-o", here, "-w", demo).returncode == 0
    assert there.read_bytes() == here.read_bytes()
    assert pl.read_parquet(there)["id"].to_list() == table["id"].to_list()
    assert not list(tmp_path.glob(".*"))


def test_a_cluster_does_not_explain(demo: Path, tmp_path: Path, firstline: Run) -> None:
    out = tmp_path / "out.csv"
    done = firstline("classify", demo / "history.csv", "-o", out, "-w", demo, "--explain", "--dask", "tcp://10.0.0.1:1")
    assert (done.returncode, out.exists()) == (2, False)
    assert "Leave out --explain or --dask" in done.stderr


def test_no_cluster_is_said_before_anything_runs(bank: Path, firstline: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_CONNECT_S", 1)
    done = firstline("train", "-w", bank, "--dask", "tcp://127.0.0.1:9")
    assert done.returncode == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert not (bank / "runs").exists()
