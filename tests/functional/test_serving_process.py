"""The served process, looked at from inside: what it loads even where everything is installed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from firstline.bundle.manifest import FILE_NAME
from firstline.bundle.registry import promote
from tests.bundles import make_bundle
from tests.service import served

CODE = """
import sys
from pathlib import Path
from litestar.testing import TestClient
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import model_folder
from firstline.cli import serve as _
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.service import Service
from firstline.store.workspace import Workspace

place = Workspace.find(Path(sys.argv[1]))
app = create_app(Current(Service(Predictor.load(model_folder(place.models)), place.models, place.settings.serving)))
with TestClient(app) as client:
    assert client.post("/v1/classify", json={"text": "карта"}).status_code == 200
unwanted = {"torch", "sklearn", "scipy", "pandas", "matplotlib", "polars", "fastai", "alembic", "sqlalchemy"}
print(sorted(unwanted & set(sys.modules)))
"""


def test_service_loads_no_training_library(trained: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, str(trained)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def _overwritten(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"\xff" * file.stat().st_size)


def _emptied(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("change", [_overwritten, _emptied, Path.unlink])
def test_answers_stay_while_the_files_of_the_model_change(tmp_path: Path, change: Callable[[Path], None]) -> None:
    workspace = tmp_path / "w"
    subprocess.run([sys.executable, "-m", "firstline", "init", str(workspace)], check=True, capture_output=True)
    written = make_bundle(workspace / "models")
    promote(workspace / "models", written.id)
    texts = ["где моя карта", "перевод", "неведомое"]
    batch = {"messages": [{"id": number, "text": text} for number, text in enumerate(texts * 30)]}
    answers: dict[str, set[bytes]] = {name: set() for name in (*texts, "batch")}
    asked, changed, failed = threading.Barrier(4), threading.Event(), list[str]()

    def ask_all(client: httpx.Client) -> None:
        for text in texts:
            response = client.post("/v1/classify", json={"text": text})
            answers[text].add(response.content)
            failed.extend([response.text] if response.status_code != 200 else [])
        answers["batch"].add(client.post("/v1/classify/batch", json=batch).content)

    def ask(address: str) -> None:
        with httpx.Client(base_url=address, timeout=30) as client:
            ask_all(client)
            asked.wait(30)
            while not changed.is_set():
                ask_all(client)
            ask_all(client)

    with served(workspace, tmp_path / "log") as service:
        threads = [threading.Thread(target=ask, args=(service.address,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        asked.wait(30)
        for file in list((workspace / "models" / written.id).rglob("*")):
            if file.is_file() and file.name != FILE_NAME:
                change(file)
        changed.set()
        for thread in threads:
            thread.join(timeout=60)
        assert httpx.get(f"{service.address}/health/ready").status_code == 200
        assert service.process.poll() is None
    assert "INFO Started server process" in (tmp_path / "log").read_text("utf-8")
    assert failed == []
    assert all(len(found) == 1 for found in answers.values())
    assert {item["label"] for item in json.loads(answers["batch"].pop())["results"]} == {"Карта", "Перевод", "Банкомат"}
