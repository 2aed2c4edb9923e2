"""Requests made from the service's own schema: never a 5xx, always an answer that the schema describes.

That a text of white space is refused is no part of the schema, so that check is left out.
"""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from litestar import Litestar
from schemathesis.specs.openapi.checks import positive_data_acceptance

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import promote
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle


@cache
def app() -> Litestar:
    models = Path(mkdtemp())
    written = make_bundle(models)
    promote(models, written.id)
    return create_app(Current(Service(Predictor.load(models / written.id), models, ServingSettings())))


schema = schemathesis.openapi.from_asgi("/schema", app())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_service_keeps_its_schema(case: schemathesis.Case[Any]) -> None:
    response = case.call_and_validate(excluded_checks=[positive_data_acceptance])
    assert response.status_code < 500
