"""A service with the small bundle, asked in process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import promote
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle

LIMITS = ServingSettings(max_text_chars=100, max_batch=3, max_body_bytes=5_000)


@pytest.fixture
def app(tmp_path: Path) -> Litestar:
    written = make_bundle(tmp_path)
    promote(tmp_path, written.id)
    return create_app(Current(Service(Predictor.load(tmp_path / written.id), tmp_path, LIMITS)))


@pytest.fixture
def client(app: Litestar) -> Iterator[TestClient[Litestar]]:
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
