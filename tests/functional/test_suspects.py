"""`firstline suspects`: a wrong label is listed, corrected in the file, and imported again."""

import json
from pathlib import Path

import pytest

from tests.commands import Run


@pytest.fixture
def mislabelled(firstline: Run, bank: Path) -> Path:
    """A model, and one message about a cash machine whose label says that it is about logging in."""
    (bank / "wrong.csv").write_text("text,segment,label\nБанкомат съел карту и деньги,customer,Вход\n", "utf-8")
    firstline("import", bank / "wrong.csv", "-w", bank)
    done = firstline("train", "--candidates", "linear.v1", "--folds", "3", "-w", bank)
    assert done.returncode == 0, done.stderr
    return bank


def listed(firstline: Run, workspace: Path) -> dict[str, object]:
    answer: dict[str, object] = json.loads(firstline("suspects", "--json", "-w", workspace).stdout)
    return answer


def test_a_wrong_label_is_corrected(firstline: Run, mislabelled: Path) -> None:
    sheet = mislabelled / "suspects.csv"
    done = firstline("suspects", "--out", sheet, "-w", mislabelled)
    assert done.returncode == 0, done.stderr
    assert "Вход (0." in done.stdout
    assert "the model says Банкомат" in done.stdout
    assert f"firstline import {sheet} --relabel" in done.stdout
    sheet.write_text(sheet.read_text("utf-8-sig").replace('"Вход","Банкомат"', '"Банкомат","Банкомат"'), "utf-8")
    again = firstline("import", sheet, "--relabel", "-w", mislabelled)
    assert "0 new messages" in again.stdout
    assert "1 label replaced, 0 removed" in again.stdout
    assert "unused" not in again.stdout
    answer = listed(firstline, mislabelled)
    assert answer["n_changed"] == 1
    assert "Банкомат съел карту и деньги" not in json.dumps(answer, ensure_ascii=False)


def test_a_forgotten_message_is_not_listed(firstline: Run, mislabelled: Path) -> None:
    (mislabelled / "text.txt").write_text("Банкомат съел карту и деньги", "utf-8")
    firstline("forget", "--text", mislabelled / "text.txt", "-w", mislabelled)
    answer = listed(firstline, mislabelled)
    assert answer["n_gone"] == 1
    assert "Банкомат съел карту и деньги" not in json.dumps(answer, ensure_ascii=False)


def test_a_model_without_a_run_says_to_train(firstline: Run, mislabelled: Path) -> None:
    for file in (mislabelled / "runs").glob("*/held_out-*.npz"):
        file.unlink()
    done = firstline("suspects", "-w", mislabelled)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Train again: firstline train" in done.stderr
    # A run that resumes writes them again.
    assert firstline("train", "--candidates", "linear.v1", "--folds", "3", "-w", mislabelled).returncode == 0
    assert firstline("suspects", "-w", mislabelled).returncode == 0


def test_before_the_first_training_there_is_nothing_to_list(firstline: Run, bank: Path) -> None:
    done = firstline("suspects", "-w", bank)
    assert done.returncode == 1
    assert "There is no model yet." in done.stderr


def test_an_unknown_ending_is_refused(firstline: Run, mislabelled: Path) -> None:
    done = firstline("suspects", "--out", mislabelled / "a.doc", "-w", mislabelled)
    assert done.returncode == 1
    assert "does not write files that end in '.doc'" in done.stderr
