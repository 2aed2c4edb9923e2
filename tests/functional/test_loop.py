"""From an export to answers over HTTP, with the commands that a user types."""

import csv
import json
import re
import shutil
from pathlib import Path

import httpx
import pytest

from tests.commands import Run, run_process
from tests.service import served

QUESTION = {"text": "Банкомат съел карту и не отдаёт!!!", "segment": "customer"}


def test_train_made_a_champion(firstline: Run, demo: Path) -> None:
    listed = json.loads(firstline("models", "-w", demo, "--json").stdout)
    assert len(listed) == 1
    assert listed[0]["is_champion"]
    assert listed[0]["n_classes"] == 25
    assert listed[0]["metrics"]["macro_f1"] > 0.4


def test_evaluate_writes_the_figures(firstline: Run, demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    done = firstline("evaluate", demo / "history.csv", "-w", demo, "--json", out)
    assert done.returncode == 0, done.stderr
    figures = json.loads(out.read_text("utf-8"))
    assert figures["model"].startswith("linear.v1-")
    assert figures["n_messages"] == 650
    assert figures["n_unlabelled"] == 420
    for name in ("accuracy", "macro_f1", "macro_precision"):
        low, high = figures["intervals"][name]
        assert 0.9 < low <= figures[name] <= high <= 1
    assert set(figures["per_class"]["Банкомат"]) == {"precision", "recall", "f1", "support"}


def test_evaluate_prints_json_where_asked(firstline: Run, demo: Path) -> None:
    done = firstline("evaluate", demo / "history.csv", "-w", demo, "--json", "-")
    assert json.loads(done.stdout)["n_messages"] == 650


def test_classify_adds_columns(firstline: Run, demo: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("n;text\n1;не могу войти в приложение, забыл пароль\n", "cp1251")
    done = firstline("classify", file, "-o", tmp_path / "out.csv", "-w", demo)
    assert done.returncode == 0, done.stderr
    row = next(csv.DictReader((tmp_path / "out.csv").read_text("cp1251").splitlines(), delimiter=";"))
    assert (row["n"], row["predicted_label"]) == ("1", "Вход в приложение")
    assert row["predicted_runner_up"]


def test_service_and_file_agree(firstline: Run, demo: Path, tmp_path: Path) -> None:
    (tmp_path / "one.jsonl").write_text(json.dumps(QUESTION), "utf-8")
    firstline("classify", tmp_path / "one.jsonl", "-o", tmp_path / "out.jsonl", "-w", demo)
    by_file = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    with served(demo, tmp_path / "log") as service:
        by_http = httpx.post(f"{service.address}/v1/classify", json=QUESTION).json()
    assert by_http["label"] == by_file["predicted_label"] == "Банкомат"
    assert by_http["confidence"] == pytest.approx(by_file["predicted_confidence"], abs=1e-4)


def test_status_counts(firstline: Run, demo: Path) -> None:
    found = json.loads(firstline("status", "-w", demo, "--json").stdout)
    assert (found["n_messages"], found["n_labelled"], len(found["classes"])) == (1068, 650, 25)
    assert set(found["segments"]) == {"customer", "lead"}


def test_workspace_is_found_upwards(firstline: Run, demo: Path) -> None:
    done = firstline("status", cwd=demo / "models")
    assert "1,068 messages" in done.stdout


def test_the_curve_is_where_it_is_said_to_be(firstline: Run, bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRSTLINE_TRAINING__LEARNING_CURVE", "true")
    done = firstline("train", "--candidates", "linear.v1", "--folds", "3", cwd=bank / "models")
    assert done.returncode == 0, done.stderr
    (told,) = re.findall(r"\S+learning_curve\.svg", done.stdout)
    assert (bank / "models" / told).is_file()


def test_service_ends_in_order_on_sigterm(demo: Path, tmp_path: Path) -> None:
    with served(demo, tmp_path / "log") as service:
        assert httpx.get(f"{service.address}/health/ready").status_code == 200
    assert service.process.returncode in (0, -15)
    assert "Traceback" not in (tmp_path / "log").read_text("utf-8")


def test_service_log_holds_no_texts(demo: Path, tmp_path: Path) -> None:
    with served(demo, tmp_path / "log") as service:
        httpx.post(f"{service.address}/v1/classify", json={"text": "тайна слово"})
        httpx.post(f"{service.address}/v1/classify", content=b'{"text": "\xff')
    assert "тайна" not in (tmp_path / "log").read_text("utf-8")


def test_new_class_needs_only_an_import_and_a_training(firstline: Run, tmp_path: Path) -> None:
    folder, file = tmp_path / "w", tmp_path / "labels.csv"
    firstline("init", folder)
    rows = [f"карта не работает {n},Карта\nперевод не дошёл {n},Перевод\n" for n in range(6)]
    file.write_text("text,label\n" + "".join(rows), "utf-8")
    firstline("import", file, "-w", folder)
    first = json.loads(firstline("train", "-w", folder, "--candidates", "linear.v1", "--json").stdout)
    file.write_text("text,label\n" + "".join(f"хочу ипотеку {n},Ипотека\n" for n in range(6)), "utf-8")
    firstline("import", file, "-w", folder)
    second = json.loads(firstline("train", "-w", folder, "--candidates", "linear.v1", "--json").stdout)
    assert (first["n_classes"], second["n_classes"]) == (2, 3)
    assert second["champion"] == first["model"]
    promoted = firstline("models", "promote", second["model"], "-w", folder)
    assert "is the champion, before it was" in promoted.stdout


def test_same_data_and_seed_give_the_same_model_in_another_process(firstline: Run, bank: Path, tmp_path: Path) -> None:
    twin = Path(shutil.copytree(bank, tmp_path / "twin"))
    train = ("train", "--candidates", "linear.v1,forest.v1", "--folds", "3", "--json", "-w")
    here, there = (
        folder / "models" / json.loads(run(*train, folder).stdout)["model"]
        for run, folder in ((firstline, bank), (run_process, twin))
    )
    names = sorted(path.relative_to(here) for path in here.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(there) for path in there.rglob("*") if path.is_file())
    for name in names:
        if name.name != "manifest.json":
            assert (here / name).read_bytes() == (there / name).read_bytes()
