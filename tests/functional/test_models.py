"""`models` and `evaluate`: damaged models and champions, models of a folder, classes that the model does not know."""

import json
import re
import shutil
from pathlib import Path

import msgspec
import pytest

from firstline.bundle.registry import champion_id, promote
from tests.bundles import make_bundle, rewrite
from tests.commands import Run


def test_no_models_is_an_answer(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path / "w")
    assert "no model yet" in firstline("models", "-w", tmp_path / "w").stdout


def test_damaged_model_is_refused_by_name(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    promote(tmp_path / "models", written.id)
    (tmp_path / "models" / written.id / "weights.npy").write_bytes(b"damaged")
    done = firstline("serve", "-w", tmp_path, "--port", "0")
    assert done.returncode == 1
    assert "weights.npy is damaged" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["evaluate", "labelled.csv"]])
def test_instead_of_a_damaged_champion_an_older_model_is_named(
    firstline: Run, tmp_path: Path, command: list[str]
) -> None:
    firstline("init", tmp_path)
    (tmp_path / "labelled.csv").write_text("text,label\nкарта,Карта\n", "utf-8")
    good, champion = (make_bundle(tmp_path / "models", strength) for strength in (4.0, 5.0))
    promote(tmp_path / "models", champion.id)
    (tmp_path / "models" / champion.id / "weights.npy").write_bytes(b"damaged")
    done = firstline(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "weights.npy is damaged" in done.stderr
    assert f"firstline models promote {good.id}" in " ".join(done.stderr.split())


def test_models_without_a_champion_have_no_footnote_about_one(firstline: Run, tmp_path: Path) -> None:
    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    done = firstline("models", "-w", tmp_path)
    assert "* the champion" not in done.stdout
    assert f"No model is the champion. Choose one: firstline models promote {written.id}" in " ".join(
        done.stderr.split()
    )
    firstline("models", "promote", written.id, "-w", tmp_path)
    done = firstline("models", "-w", tmp_path)
    assert ("* the champion" in done.stdout, done.stderr) == (True, "")


def test_models_of_a_folder_need_no_workspace(firstline: Run, tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    assert f"{written.id} is the champion" in firstline("models", "promote", written.id, "--models", tmp_path).stdout
    assert champion_id(tmp_path) == written.id
    assert written.id in firstline("models", "--models", tmp_path).stdout
    assert f"{written.id}, the champion" in firstline("models", "--models", tmp_path, "show").stdout
    assert not (tmp_path / ".locks").exists()


def test_a_folder_of_models_and_a_workspace_exclude_each_other(firstline: Run, tmp_path: Path) -> None:
    done = firstline("models", "promote", "x", "--models", tmp_path, "-w", tmp_path)
    assert (done.returncode, "exclude each other" in done.stderr) == (2, True)


@pytest.mark.parametrize("command", [["models", "promote"], ["serve", "--port", "0", "--model"]])
def test_a_model_that_fails_its_self_check_neither_serves_nor_becomes_champion(
    firstline: Run, tmp_path: Path, command: list[str]
) -> None:
    firstline("init", tmp_path)
    models = tmp_path / "models"
    written = make_bundle(models, checks_itself=True)
    assert written.self_check is not None
    rewrite(models, written.id, self_check=msgspec.structs.replace(written.self_check, read="otherwise"))
    done = firstline(*command, written.id, "-w", tmp_path)
    assert done.returncode == 1
    assert f"Model {written.id} fails its self-check" in done.stderr
    assert not (models / "champion.json").exists()


def test_evaluate_names_lines_and_not_classes_that_nobody_knows(firstline: Run, tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\nгде арбуз,Арбузы\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", trained)
    assert done.returncode == 0
    assert "1 row with a class that is not known here: counted as errors, and as 1 more class" in done.stderr
    assert "; lines: 3" in done.stderr
    assert "Арбузы" not in done.stdout + done.stderr


def test_evaluate_shows_a_class_of_the_workspace_that_the_model_does_not_know(
    firstline: Run, tmp_path: Path, trained: Path
) -> None:
    settings = tmp_path / "w" / "firstline.toml"
    shutil.copytree(trained, tmp_path / "w")
    settings.write_text(settings.read_text("utf-8").replace("fixed = []", 'fixed = ["Арбузы"]'), "utf-8")
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\nгде арбуз,Арбузы\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", tmp_path / "w")
    assert "class 'Арбузы' (1 row) is not known to the model: counted as errors, and as 1 more class" in done.stderr
    assert re.search(r"Арбузы +\.000 +\.000 +\.000 +1", done.stdout)


def test_models_show_says_how_far_confidence_can_be_believed(firstline: Run, trained: Path) -> None:
    shown = firstline("models", "show", "-w", trained).stdout
    assert re.search(r"calibration error \d?\.\d{3} \(\d?\.\d{3}-\d?\.\d{3}\), before calibration \d?\.\d{3}\n", shown)
    assert re.search(r"Brier score +\d?\.\d{3} \(\d?\.\d{3}-\d?\.\d{3}\)\n", shown)


def test_evaluate_says_which_classes_the_averages_leave_out(firstline: Run, tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nгде банкомат,Банкомат\n", "utf-8")
    done = firstline("evaluate", tmp_path / "a.csv", "-w", trained, "--json", "-")
    left_out = json.loads(done.stdout)["classes_without_messages"]
    assert left_out
    assert "Банкомат" not in left_out
    shown = firstline("evaluate", tmp_path / "a.csv", "-w", trained)
    assert f"Not in this file, and left out of the macro averages: {left_out[0]}" in shown.stdout
    assert left_out[0] not in shown.stderr


@pytest.mark.parametrize("content", ["{", '{"model": ""}', '{"model": "../w"}'])
def test_damaged_champion_does_not_hide_the_models(firstline: Run, tmp_path: Path, content: str) -> None:
    firstline("init", tmp_path)
    written = make_bundle(tmp_path / "models")
    (tmp_path / "models" / "champion.json").write_text(content)
    assert written.id in firstline("models", "-w", tmp_path).stdout
    assert firstline("serve", "-w", tmp_path, "--port", "0").returncode == 1
    assert firstline("models", "promote", written.id, "-w", tmp_path).returncode == 0
