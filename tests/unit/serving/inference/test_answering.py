"""Several messages of one request are answered by one model."""

from pathlib import Path

import pytest

from firstline.bundle.predictor import Predictor
from firstline.errors import RequestError
from firstline.serving.inference.answering import TensorBatch
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle


def test_a_batch_for_a_version_that_has_gone_is_not_computed(tmp_path: Path) -> None:
    """The model may have been replaced while the batch waited for its turn."""

    def check(serving: str) -> None:
        asked.append(serving)
        raise RequestError("model_not_found", "It does not serve.", "Ask which does.", status=404)

    asked: list[str] = []
    service = Service(Predictor.load(tmp_path / make_bundle(tmp_path).id), tmp_path, ServingSettings())
    with pytest.raises(RequestError, match="does not serve"):
        TensorBatch(service, (), None, check)
    assert asked == [service.model]
