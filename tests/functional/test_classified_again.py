"""A file that `classify` wrote comes back: its guesses are nobody's labels."""

import csv
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.commands import Run


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A workspace with a model, and `out.csv`: what classify wrote of new messages."""
    folder = Path(shutil.copytree(trained, tmp_path / "bank"))
    (folder / "new.csv").write_text("id,text\nn1,банкомат молчит\nn2,\nn3,войти никак\n", "utf-8")
    return folder


def labelled(firstline: Run, place: Path) -> int:
    return int(json.loads(firstline("status", "--json", cwd=place).stdout)["n_labelled"])


def test_guesses_are_not_taken_for_labels(firstline: Run, place: Path) -> None:
    before = labelled(firstline, place)
    assert firstline("classify", "new.csv", "-o", "out.csv", cwd=place).returncode == 0
    done = firstline("import", "out.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "to import them as labels: --label predicted_label" in done.stdout
    assert labelled(firstline, place) == before


def test_guesses_are_labels_when_told_so_and_only_then(firstline: Run, place: Path) -> None:
    before = labelled(firstline, place)
    firstline("classify", "new.csv", "-o", "out.csv", cwd=place)
    assert firstline("import", "out.csv", "--label", "predicted_label", cwd=place).returncode == 0
    assert labelled(firstline, place) == before + 2
    assert tomllib.loads((place / "firstline.toml").read_text("utf-8"))["columns"].get("label") != "predicted_label"


def test_labels_of_people_beside_guesses_are_taken(firstline: Run, place: Path) -> None:
    (place / "new.csv").write_text("id,text,label\nn1,банкомат молчит,Вход\n", "utf-8")
    firstline("classify", "new.csv", "-o", "out.csv", cwd=place)
    before = labelled(firstline, place)
    firstline("import", "out.csv", cwd=place)
    assert labelled(firstline, place) == before + 1
    figures = firstline("evaluate", "out.csv", "--json", "-", cwd=place)
    assert json.loads(figures.stdout)["n_messages"] == 1


def test_an_answer_is_explained(firstline: Run, place: Path) -> None:
    done = firstline("classify", "new.csv", "-o", "out.csv", "--explain", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "predicted_note, predicted_words, predicted_nearest" in done.stdout
    with (place / "out.csv").open(encoding="utf-8", newline="") as file:
        first, empty, _ = csv.DictReader(file)
    assert re.match(r"(банкомат|молчит) \+\d", first["predicted_words"])
    assert re.fullmatch(r"(.+ \(\w.*, (\.\d\d|1\.00)\)(; |$)){3}", first["predicted_nearest"])
    assert (empty["predicted_words"], empty["predicted_nearest"]) == ("", "")


def test_explanations_are_not_taken_for_labels_and_are_replaced(firstline: Run, place: Path) -> None:
    before = labelled(firstline, place)
    firstline("classify", "new.csv", "-o", "out.csv", "--explain", cwd=place)
    assert "to import them as labels" in firstline("import", "out.csv", cwd=place).stdout
    assert labelled(firstline, place) == before
    firstline("classify", "out.csv", "-o", "again.csv", cwd=place)
    assert "predicted_words" not in (place / "again.csv").read_text("utf-8")


def test_a_machine_without_the_database_explains_without_neighbours(firstline: Run, place: Path) -> None:
    for file in place.glob("firstline.db*"):
        file.unlink()
    done = firstline("classify", "new.csv", "-o", "out.csv", "--explain", cwd=place)
    assert done.returncode == 0, done.stderr
    header = (place / "out.csv").read_text("utf-8").splitlines()[0]
    assert header.endswith("predicted_note,predicted_words")
    assert not list(place.glob("firstline.db*"))


def test_a_row_without_a_text_keeps_its_place(firstline: Run, place: Path) -> None:
    done = firstline("classify", "new.csv", "-o", "out.csv", cwd=place)
    assert "3 rows written to out.csv" in done.stdout
    assert "1 without an answer, see predicted_note" in done.stdout
    with (place / "out.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["id"], row["predicted_note"]) for row in csv.DictReader(file)] == [
            ("n1", ""),
            ("n2", "no text"),
            ("n3", ""),
        ]


def test_a_csv_can_be_made_safe_for_excel(firstline: Run, place: Path) -> None:
    (place / "new.csv").write_text("id,text\n=1+1,карта\n", "utf-8")
    firstline("classify", "new.csv", "-o", "out.csv", "--safe-for-excel", cwd=place)
    assert (place / "out.csv").read_text("utf-8").splitlines()[1].startswith('"\'=1+1",')
