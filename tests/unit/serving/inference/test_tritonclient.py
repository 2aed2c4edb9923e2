"""NVIDIA's own client of the protocol against the service, where it is installed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firstline.bundle.predictor import Predictor
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.limits import ConnectionLimits
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import LABELS, make_bundle
from tests.service import served_here

triton = pytest.importorskip("tritonclient.http")

LIMITS = ConnectionLimits(connections=10, header_timeout_s=5.0, body_timeout_s=5.0, idle_timeout_s=5.0)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    folder: Path = tmp_path_factory.mktemp("models")
    return Service(Predictor.load(folder / make_bundle(folder).id), folder, ServingSettings(max_batch=3))


@pytest.fixture(scope="module")
def client(service: Service) -> Iterator[Any]:
    with served_here(create_app(Current(service)), LIMITS) as port:
        client = triton.InferenceServerClient(f"127.0.0.1:{port}")
        yield client
        client.close()


def given(name: str, *values: str, is_binary: bool = True) -> Any:
    tensor = triton.InferInput(name, [len(values)], "BYTES")
    tensor.set_data_from_numpy(np.array(values, object), binary_data=is_binary)
    return tensor


def texts(found: NDArray[Any]) -> list[str]:
    return [item.decode() if isinstance(item, bytes) else item for item in found.tolist()]


def test_server_and_model_are_ready(client: Any, service: Service) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("firstline")
    assert client.is_model_ready("firstline", service.model)
    assert not client.is_model_ready("firstline", "1")
    assert not client.is_model_ready("another")


def test_metadata_are_read(client: Any, service: Service) -> None:
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    found = client.get_model_metadata("firstline", service.model)
    assert found["versions"] == [service.model]
    assert [item["name"] for item in found["inputs"]] == ["text", "segment"]


@pytest.mark.parametrize("is_binary", [True, False])
def test_messages_are_answered(client: Any, service: Service, is_binary: bool) -> None:
    inputs = [
        given("text", "добрый день", "перевод", is_binary=is_binary),
        given("segment", "lead", "", is_binary=is_binary),
    ]
    found = client.infer("firstline", inputs, request_id="7", timeout=1_000, priority=1)
    assert (found.get_response()["id"], found.get_response()["model_version"]) == ("7", service.model)
    assert texts(found.as_numpy("label")) == ["Карта", "Перевод"]
    assert found.as_numpy("confidence").dtype == np.float32
    assert {len(found.as_numpy(name)) for name in ("decision", "reason")} == {2}


@pytest.mark.parametrize("is_binary", [True, False])
def test_outputs_are_as_asked(client: Any, is_binary: bool) -> None:
    wanted = [triton.InferRequestedOutput(name, binary_data=is_binary) for name in ("probabilities", "classes")]
    found = client.infer("firstline", [given("text", "карта")], outputs=wanted)
    assert texts(found.as_numpy("classes")) == list(LABELS)
    assert found.as_numpy("probabilities").shape == (1, 3)
    assert LABELS[found.as_numpy("probabilities").argmax()] == "Карта"
    assert found.as_numpy("label") is None


def test_an_error_is_read(client: Any) -> None:
    with pytest.raises(triton.InferenceServerException, match=r"text\[1\]: The text is empty\.") as caught:
        client.infer("firstline", [given("text", "карта", " ")])
    assert caught.value.status() == "422"


def test_top_classes_are_refused_rather_than_answered_otherwise(client: Any) -> None:
    wanted = [triton.InferRequestedOutput("label", class_count=2)]
    with pytest.raises(triton.InferenceServerException, match="`classification` is not supported"):
        client.infer("firstline", [given("text", "карта")], outputs=wanted)
