"""Run by `make test` in an environment that has only the serving set: no scikit-learn, no torch."""

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest

from firstline.bundle.registry import promote
from firstline.errors import install_hint
from tests.bundles import make_bundle
from tests.console import Browser
from tests.service import served

pytestmark = pytest.mark.skipif("SERVING_SET" not in os.environ, reason="make test runs it in .venv-serve")
TRAINING = ("sklearn", "scipy", "torch", "pandas", "matplotlib", "fastai", "tpot", "dask", "deap", "polars")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    run("init", tmp_path / "w")
    written = make_bundle(tmp_path / "w" / "models")
    promote(tmp_path / "w" / "models", written.id)
    return tmp_path / "w"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "firstline", *map(str, arguments)], capture_output=True, encoding="utf-8"
    )


def test_training_libraries_are_absent() -> None:
    assert [name for name in TRAINING if find_spec(name)] == []


def test_training_names_the_command_that_installs_it(workspace: Path) -> None:
    done = run("train", "-w", workspace)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: Training needs the extra 'train', which is not installed.\n" + install_hint("'firstline[train]'") + "\n"
    )


@pytest.mark.parametrize(
    ("name", "content"), [("a.parquet", b"PAR1 PAR1"), ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")]
)
def test_reading_parquet_and_excel_names_the_extra(workspace: Path, name: str, content: bytes) -> None:
    (workspace / name).write_bytes(content)
    done = run("import", workspace / name, "-w", workspace)
    assert done.returncode == 1
    assert "needs the extra 'files', which is not installed." in done.stderr
    assert done.stderr.endswith(install_hint("'firstline[files]'") + "\n")


@pytest.mark.parametrize(("name", "format_name"), [("out.parquet", "Parquet"), ("out.xlsx", "Excel")])
def test_writing_parquet_and_excel_names_the_extra(workspace: Path, name: str, format_name: str) -> None:
    (workspace / "a.csv").write_text("text\nгде банкомат\n", "utf-8")
    done = run("classify", workspace / "a.csv", "-o", workspace / name, "-w", workspace)
    assert done.returncode == 1
    assert f"The format {format_name} needs the extra 'files', which is not installed." in done.stderr
    assert not (workspace / name).exists()


def test_service_answers_in_little_memory(workspace: Path, tmp_path: Path) -> None:
    with served(workspace, tmp_path / "log") as service:
        for _ in range(20):
            answer = httpx.post(f"{service.address}/v1/classify", json={"text": "где мой перевод"}).json()
        resident_mb = psutil.Process(service.process.pid).memory_info().rss / 1e6
    assert answer["label"] == "Перевод"
    assert resident_mb < 250


def test_import_evaluate_and_classify_work(workspace: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,label\nгде банкомат,Банкомат\nмоя карта,Карта\n", "utf-8")
    assert run("import", file, "-w", workspace).returncode == 0
    figures = json.loads(run("evaluate", file, "-w", workspace, "--json", "-").stdout)
    assert figures["accuracy"] == 1
    done = run("classify", file, "-o", tmp_path / "out.csv", "--explain", "-w", workspace)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text("utf-8").splitlines()))
    assert [row["predicted_label"] for row in rows] == ["Банкомат", "Карта"]
    assert [row["predicted_words"] for row in rows] == ["банкомат +2.67", "карта +2.67"]
    assert rows[0]["predicted_nearest"].startswith("no id (Карта, .")


def test_the_python_api_answers_and_names_the_extra_that_trains(workspace: Path) -> None:
    code = (
        "import sys, firstline\n"
        "folder = sys.argv[1]\n"
        "for place in (folder, folder + '/models'):\n"
        "    print(firstline.load(place).predict(['где банкомат'])[0].label)\n"
        "print(firstline.Workspace(folder).predict([('мой перевод', 'customer')])[0].label)\n"
        "try:\n"
        "    firstline.Workspace(folder).train()\n"
        "except firstline.FirstlineError as error:\n"
        "    print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, workspace], capture_output=True, encoding="utf-8")
    assert (done.stdout.split(), done.stderr) == (["Банкомат", "Банкомат", "Перевод", "extra_missing"], "")


def test_recorded_answers_are_forgotten(workspace: Path) -> None:
    (workspace / "records").mkdir(exist_ok=True)
    record = (
        '{"at":"2026-11-30T09:15:00.250Z","request":"r","model":"m","label":"l","confidence":0.5,"decision":"review"'
    )
    record += ',"reason":"low_confidence","text":"где перевод","id":"%s"}\n'
    file = workspace / "records" / "2026-11-30.jsonl"
    file.write_text(record % 41 + record % 42, "utf-8")
    done = run("forget", "42", "-w", workspace)
    assert done.returncode == 0, done.stderr
    assert file.read_text("utf-8") == record % 41


def test_the_console_signs_in_and_imports(workspace: Path, tmp_path: Path) -> None:
    password = "four random words"
    command = [sys.executable, "-m", "firstline", "users", "add", "ada", "--role", "admin", "--password-stdin"]
    added = subprocess.run(
        [*command, "-w", str(workspace)], input=password + "\n", capture_output=True, encoding="utf-8"
    )
    assert added.returncode == 0, added.stderr
    with (
        served(workspace, tmp_path / "log", command="console") as running,
        httpx.Client(base_url=running.address) as client,
    ):
        browser = Browser(client)
        assert browser.sign_in("ada", password).status_code == 303
        assert browser.upload("a.csv", "text\nпозвоните мне +7 916 123-45-67\n".encode()).status_code == 303
        assert "&lt;PHONE&gt;" in browser.get("/import/check").text
        assert browser.post("/import/run").status_code == 200
        browser.upload("a.xlsx", b"PK\x03\x04")
        assert browser.get("/import/check").status_code == 422
        resident_mb = psutil.Process(running.process.pid).memory_info().rss / 1e6
    assert resident_mb < 250


def test_the_console_imports_no_library_of_training() -> None:
    code = "import sys, firstline.console.running; print([n for n in sys.argv[1:] if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code, *TRAINING, "onnxruntime"], capture_output=True, encoding="utf-8")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
