"""The served process, looked at from inside: what it loads even where everything is installed."""

import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from litestar.testing import TestClient
from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import model_folder
from firstline.cli import serve as _
from firstline.serving.app import create_app
from firstline.serving.service import Service
from firstline.store.workspace import Workspace

place = Workspace.find(Path(sys.argv[1]))
app = create_app(Service(Predictor.load(model_folder(place.models)), place.models, place.settings.serving))
with TestClient(app) as client:
    assert client.post("/v1/classify", json={"text": "карта"}).status_code == 200
unwanted = {"torch", "sklearn", "scipy", "pandas", "matplotlib", "polars", "fastai", "alembic"}
print(sorted(unwanted & set(sys.modules)))
"""


def test_service_loads_no_training_library(trained: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CODE, str(trained)], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
