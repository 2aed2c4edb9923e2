"""`firstline classes`: what a team does to its classes, by commands."""

import io
import json
from pathlib import Path

import pytest

from tests.commands import Run


def test_a_class_is_added_described_renamed_and_listed(firstline: Run, bank: Path) -> None:
    assert firstline("classes", "add", "Ипотека", "--description", "о доме", "-w", bank).returncode == 0
    assert firstline("classes", "describe", "Вход", "войти не выходит", "-w", bank).returncode == 0
    renamed = firstline("classes", "rename", "Перевод", "Переводы", "-w", bank)
    assert "'Перевод' is 'Переводы' now. Models answer with the name that they learned" in renamed.stdout
    shown = firstline("classes", "-w", bank).stdout
    assert "Переводы" in shown
    assert "о доме" in shown
    found = json.loads(firstline("classes", "--json", "-w", bank).stdout)
    assert [one["name"] for one in found][-1] == "Ипотека"


def test_a_merge_asks_first_and_can_be_taken_back(firstline: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = firstline("classes", "merge", "Вход", "Перевод", "-w", bank)
    assert nobody.returncode == 2
    assert "8 labels of 'Вход' become 'Перевод'. To do it without being asked: --yes" in " ".join(nobody.stderr.split())
    terminal = io.StringIO("n\n")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", terminal)
    refused = firstline("classes", "merge", "Вход", "Перевод", "-w", bank)
    assert refused.returncode == 1
    assert "8 labels of 'Вход' become 'Перевод'." in refused.stderr
    counted = json.loads(firstline("status", "--json", "-w", bank).stdout)["classes"]
    assert counted["Вход"] == 8
    merged = firstline("classes", "merge", "Вход", "Перевод", "--yes", "-w", bank)
    assert merged.returncode == 0, merged.stderr
    assert "8 labels moved to 'Перевод'" in merged.stdout
    assert json.loads(firstline("status", "--json", "-w", bank).stdout)["classes"]["Перевод"] == 16
    undone = firstline("classes", "undo", "-w", bank)
    assert "Taken back: classes merge 'Вход' 'Перевод'. 8 labels restored." in undone.stdout
    assert json.loads(firstline("status", "--json", "-w", bank).stdout)["classes"] == counted
    again = firstline("classes", "undo", "-w", bank)
    assert again.returncode == 2
    assert "There is no merge to take back." in again.stderr


def test_a_retired_class_is_not_trained(firstline: Run, bank: Path) -> None:
    done = firstline("classes", "retire", "Вход", "--yes", "-w", bank)
    assert "firstline classes restore 'Вход'" in done.stdout
    trained = json.loads(firstline("train", "--candidates", "linear.v1", "--folds", "3", "--json", "-w", bank).stdout)
    assert (trained["n_classes"], trained["n_messages"]) == (2, 16)
    assert firstline("classes", "restore", "Вход", "-w", bank).returncode == 0


def test_settings_that_name_a_class_are_pointed_out(firstline: Run, bank: Path) -> None:
    settings = bank / "firstline.toml"
    settings.write_text(settings.read_text("utf-8").replace("none = []", 'none = ["Вход"]'), "utf-8")
    done = firstline("classes", "rename", "Вход", "Входы", "-w", bank)
    assert "[classes] none in firstline.toml names 'Вход'. Add the new name there" in done.stderr


def test_names_stay_readable_beside_long_remarks(firstline: Run, bank: Path) -> None:
    firstline("classes", "rename", "Перевод", "Переводы на счета и карты других банков", "-w", bank)
    firstline("classes", "describe", "Вход", "войти не выходит, " * 20, "-w", bank)
    listed = firstline("classes", "-w", bank).stdout
    assert all(f" {name} " in listed for name in ("Банкомат", "Вход"))
    assert "Переводы на" in listed


def test_what_is_not_retired_cannot_be_restored(firstline: Run, bank: Path) -> None:
    done = firstline("classes", "restore", "Вход", "-w", bank)
    assert (done.returncode, "'Вход' is in use, not retired" in done.stderr) == (2, True)


def test_a_name_that_looks_like_a_former_one_is_pointed_out(firstline: Run, bank: Path) -> None:
    firstline("classes", "rename", "Перевод", "Переводы", "-w", bank)
    assert "look alike: Перевод, перевод" in firstline("classes", "add", "перевод", "-w", bank).stderr
