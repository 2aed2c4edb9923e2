"""What /metrics tells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from firstline.bundle.predictor import Predictor
from firstline.errors import BundleDamaged
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.metrics import Metrics
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle

LIMITS = ServingSettings(max_text_chars=100, max_batch=3)


@pytest.fixture
def current(tmp_path: Path) -> Current:
    written = make_bundle(tmp_path)
    return Current(Service(Predictor.load(tmp_path / written.id), tmp_path, LIMITS))


@pytest.fixture
def metrics(current: Current) -> Metrics:
    return Metrics(current)


@pytest.fixture
def client(current: Current, metrics: Metrics) -> Iterator[TestClient[Front]]:
    with TestClient(
        Front(create_app(current, metrics), observer=lambda exchange: metrics.observe(exchange, 0.004)),
        raise_server_exceptions=False,
    ) as client:
        yield client


def figures(told: bytes) -> dict[str, float]:
    """Each figure by its name and labels, as in `name{label=value}`."""
    found = {}
    for family in text_string_to_metric_families(told.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def ended(status: int = 200, route: str = "/v1/classify") -> Exchange:
    exchange = Exchange("r", "POST", route)
    exchange.status = status
    return exchange


def test_a_scrape_has_the_type_that_prometheus_reads(client: TestClient[Front]) -> None:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert figures(response.content)["process_resident_memory_bytes"] > 1_000_000


def test_requests_are_counted_by_route_and_status(client: TestClient[Front]) -> None:
    for text in ("карта", "карта", ""):
        client.post("/v1/classify", json={"text": text})
    client.get("/v1/арбуз")
    found = figures(client.get("/metrics").content)
    assert found["firstline_requests_total{route=/v1/classify,status=200}"] == 2
    assert found["firstline_requests_total{route=/v1/classify,status=422}"] == 1
    assert found["firstline_requests_total{route=other,status=404}"] == 1
    assert found["firstline_errors_total{code=text_empty,route=/v1/classify}"] == 1


def test_the_time_of_each_answer_is_counted_by_route(metrics: Metrics) -> None:
    for taken_s in (0.0004, 0.004, 20.0):
        metrics.observe(ended(), taken_s)
    found = figures(metrics.told())
    name = "firstline_request_duration_seconds"
    assert found[f"{name}_bucket{{le=0.0005,route=/v1/classify}}"] == 1
    assert found[f"{name}_bucket{{le=10.0,route=/v1/classify}}"] == 2
    assert found[f"{name}_count{{route=/v1/classify}}"] == 3
    assert found[f"{name}_sum{{route=/v1/classify}}"] == pytest.approx(20.0044)


def test_a_client_that_has_gone_has_no_status(metrics: Metrics) -> None:
    metrics.observe(ended(status=0), 0.1)
    assert figures(metrics.told())["firstline_requests_total{route=/v1/classify,status=gone}"] == 1


def test_answers_are_counted_by_class_and_decision(metrics: Metrics) -> None:
    single, batch = ended(), ended()
    single.answers = [("Карта", "route")]
    batch.answers, batch.n_failed = [("Карта", "route"), ("Карта", "unknown"), ("Карта", "route")], 2
    metrics.observe(single, 0.01)
    metrics.observe(batch, 0.01)
    found = figures(metrics.told())
    assert found["firstline_answers_total{decision=route,label=Карта}"] == 3
    assert found["firstline_answers_total{decision=unknown,label=Карта}"] == 1
    assert found["firstline_failed_messages_total"] == 2


def test_answers_over_http_are_counted(client: TestClient[Front]) -> None:
    answer = client.post("/v1/classify", json={"text": "карта"}).json()
    client.post("/v1/classify/batch", json={"messages": [{"text": "карта"}, {"text": ""}]})
    found = figures(client.get("/metrics").content)
    assert found[f"firstline_answers_total{{decision={answer['decision']},label={answer['label']}}}"] == 2
    assert found["firstline_failed_messages_total"] == 1


def test_it_tells_which_model_answers_since_when(current: Current, metrics: Metrics) -> None:
    found = figures(metrics.told())
    assert found[f"firstline_model_serving{{model={current.service.model}}}"] == 1
    assert found["firstline_model_loaded_timestamp_seconds"] == pytest.approx(current.service.loaded_at)
    assert found["firstline_model_refused"] == 0


def test_a_model_that_is_refused_is_told(current: Current, metrics: Metrics) -> None:
    current.refused = BundleDamaged("It is damaged.", "Copy it again.")
    current.refusals["bundle_damaged"] += 2
    found = figures(metrics.told())
    assert found["firstline_model_refused"] == 1
    assert found["firstline_refused_models_total{code=bundle_damaged}"] == 2


def test_the_next_model_takes_the_place_of_the_first(current: Current, metrics: Metrics, tmp_path: Path) -> None:
    metrics.told()
    before = current.service.model
    other = make_bundle(tmp_path, strength=3.0)
    current.service = current.service.with_model(Predictor.load(tmp_path / other.id))
    found = figures(metrics.told())
    assert found[f"firstline_model_serving{{model={before}}}"] == 0
    assert found[f"firstline_model_serving{{model={other.id}}}"] == 1


def test_what_is_counted_elsewhere_is_told_once(metrics: Metrics) -> None:
    dropped = {"log": 0, "records": 3}
    metrics.count("firstline_dropped_lines", "Lines.", "file", lambda: dropped)
    metrics.told()
    dropped["log"] = 2
    found = figures(metrics.told())
    assert found["firstline_dropped_lines_total{file=log}"] == 2
    assert found["firstline_dropped_lines_total{file=records}"] == 3


def test_what_waits_is_told(client: TestClient[Front]) -> None:
    found = figures(client.get("/metrics").content)
    assert found["firstline_waiting_messages"] == 0
    assert found["firstline_unanswered_batches"] == 0
