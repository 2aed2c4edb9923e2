"""Workspaces of released versions, with a run and a model: this version reads them, and answers as they did."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.commands import run_here
from tests.keep_release import ANSWERS, RELEASED

VERSIONS = sorted(folder.name for folder in RELEASED.iterdir())


@pytest.fixture(params=VERSIONS)
def released(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(RELEASED / request.param, tmp_path / "workspace"))


def told(*arguments: object) -> str:
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answers(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_its_messages_and_labels_are_there(released: Path) -> None:
    status = json.loads(told("status", "--json", "-w", released))

    assert (status["n_messages"], status["n_labelled"]) == (80, 60)


def test_its_model_answers_as_it_did(released: Path, tmp_path: Path) -> None:
    before = answers(released / ANSWERS)
    told("classify", released / ANSWERS, "--out", tmp_path / "now.csv", "-w", released)

    now = answers(tmp_path / "now.csv")
    assert [row["predicted_label"] for row in now] == [row["predicted_label"] for row in before]
    for column in ("predicted_confidence", "predicted_runner_up_confidence"):
        assert [float(row[column]) for row in now] == pytest.approx([float(row[column]) for row in before], abs=2e-4)


def test_its_run_and_its_model_are_listed(released: Path) -> None:
    (run,) = json.loads(told("runs", "--json", "-w", released))
    (model,) = json.loads(told("models", "--json", "-w", released))

    assert run["model"] == model["id"]
    assert [row["candidate"] for row in run["rows"]] == ["linear.v1"]


def test_its_model_is_shown_without_the_figures_that_it_lacks(released: Path) -> None:
    shown = told("models", "show", "-w", released)

    assert "calibration error" in shown
    assert "Brier" not in shown


def test_it_takes_new_messages_and_trains(released: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("text,label\nкарту съел банкомат,Новый класс\nбанкомат проглотил карту,Новый класс\n", "utf-8")
    told("import", new, "-w", released)

    trained = json.loads(told("train", "--candidates", "linear.v1", "--folds", "2", "--json", "-w", released))

    assert trained["n_messages"] == 62


@pytest.mark.slow
def test_it_is_retrained_and_goes_back(released: Path, tmp_path: Path) -> None:
    """Its champion has neither decisions nor held-out answers, so a person decides about its first challenger."""
    settings = released / "firstline.toml"
    text = settings.read_text("utf-8").replace('candidates = ["auto"]', 'candidates = ["linear.v1"]\nfolds = 2')
    settings.write_text(text, "utf-8")
    (before,) = json.loads(told("models", "--json", "-w", released))
    new = tmp_path / "new.csv"
    new.write_text("text,label\nкарту съел банкомат,Новый класс\nбанкомат проглотил карту,Новый класс\n", "utf-8")
    told("import", new, "-w", released)

    compared = run_here("retrain", "--json", "-w", released)
    found = json.loads(compared.stdout)
    assert (compared.returncode, found["promoted"], found["champion"]) == (3, False, before["id"])
    told("models", "promote", found["challenger"], "-w", released)
    back = json.loads(told("models", "rollback", "--json", "-w", released))

    assert (back["champion"], back["before"]) == (before["id"], found["challenger"])
    told("decide", "--precision", "0.8", "-w", released)


def test_it_is_backed_up_as_it_is_and_restored(released: Path, tmp_path: Path) -> None:
    database = released / "firstline.db"
    before = database.read_bytes()
    told("backup", tmp_path / "old.tar.gz", "-w", released)
    assert database.read_bytes() == before

    told("restore", tmp_path / "old.tar.gz", "-w", tmp_path / "restored")

    assert json.loads(told("status", "--json", "-w", tmp_path / "restored"))["n_labelled"] == 60
    told("classify", released / ANSWERS, "--out", tmp_path / "now.csv", "-w", tmp_path / "restored")
    assert [row["predicted_label"] for row in answers(tmp_path / "now.csv")] == [
        row["predicted_label"] for row in answers(released / ANSWERS)
    ]
