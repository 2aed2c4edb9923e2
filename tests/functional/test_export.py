"""`firstline export`: labels go to a file and come back, and a sheet has the most useful messages."""

import json
import stat
from pathlib import Path

import pytest

from tests.commands import Run

ROWS = "text,label,labelled_by\nгде карта,Карта,Анна\nне могу войти,Вход,\nчто нового,,\nкак дела,,\n"


@pytest.fixture
def filled(firstline: Run, tmp_path: Path) -> Path:
    firstline("init", tmp_path / "w")
    (tmp_path / "history.csv").write_text(ROWS, "utf-8")
    firstline("import", tmp_path / "history.csv", "-w", tmp_path / "w")
    return tmp_path / "w"


def test_labels_go_to_a_new_workspace(firstline: Run, filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    done = firstline("export", file, "--labelled", "-w", filled)
    assert (done.returncode, done.stdout) == (0, f"2 rows written to {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    firstline("init", tmp_path / "other")
    came = json.loads(firstline("import", file, "-w", tmp_path / "other", "--json").stdout)
    assert (came[0]["n_new"], came[0]["classes"]) == (2, {"Карта": 1, "Вход": 1})


def test_a_sheet_is_filled_in_and_comes_back(firstline: Run, filled: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    done = firstline("export", sheet, "--for", "labelling", "9", "-w", filled)
    assert "2 messages written" in done.stdout
    assert "2 drawn at random" in done.stdout
    assert f"firstline import {sheet}" in done.stdout
    written = sheet.read_text("utf-8-sig")
    assert "где карта" not in written
    sheet.write_text(written.replace('"","","","","","",""', '"","","","Карта","Борис","",""'), "utf-8")
    came = firstline("import", sheet, "-w", filled)
    assert "0 new messages" in came.stdout
    assert "2 messages newly labelled" in came.stdout
    again = firstline("export", sheet, "--for", "labelling", "9", "-w", filled)
    assert "is not written" in again.stdout
    assert json.loads(firstline("export", sheet, "--for", "labelling", "9", "-w", filled, "--json").stdout) == {
        "file": None,
        "format": "csv",
        "n_rows": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.docx"], "Known endings: .csv"),
        (["a.csv", "--to", "label-studio"], "a file for label-studio ends in .json"),
        (["a.csv", "--for", "labelling", "0"], "a number from 1 on"),
        (["a.csv", "--for", "fun", "3"], "takes the word labelling"),
        (["a.csv", "--for", "labelling", "3", "--labelled"], "cannot be combined"),
    ],
)
def test_what_makes_no_sense_is_refused(firstline: Run, filled: Path, arguments: list[str], said: str) -> None:
    done = firstline("export", *arguments, "-w", filled)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_folder_that_is_not_there_is_told(firstline: Run, filled: Path, tmp_path: Path) -> None:
    done = firstline("export", tmp_path / "none" / "a.csv", "-w", filled)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
