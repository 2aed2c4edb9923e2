"""Bodies of any kind, drawn by Hypothesis: never a 5xx, and every error is a string."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from firstline.bundle.predictor import Predictor
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle
from tests.unit.serving.inference.requests import AT, packed

LIMITS = ServingSettings(max_text_chars=100, max_batch=3, max_body_bytes=5_000)


@cache
def client() -> TestClient[Litestar]:
    models = Path(mkdtemp())
    service = Service(Predictor.load(models / make_bundle(models).id), models, LIMITS)
    return TestClient(create_app(Current(service)), raise_server_exceptions=False)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
numbers = st.integers(-1, 3) | st.integers() | anything


def mostly(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nearly always what the protocol says, so that what is wrong elsewhere is reached."""
    return st.integers(0, 9).flatmap(lambda drawn: usual if drawn else anything)


parameters = st.dictionaries(
    st.sampled_from(["binary_data_size", "binary_data", "binary_data_output", "x"]),
    st.integers(-1, 40) | st.booleans() | anything,
    max_size=2,
)
tensors = st.fixed_dictionaries(
    {
        "name": mostly(st.sampled_from(["text", "segment"])),
        "shape": mostly(st.lists(numbers, max_size=3)),
        "datatype": mostly(st.just("BYTES")),
    },
    optional={"data": mostly(st.lists(mostly(st.text(max_size=9)), max_size=3)), "parameters": mostly(parameters)},
)
wishes = st.fixed_dictionaries(
    {"name": mostly(st.sampled_from(["label", "confidence", "probabilities", "classes"]))},
    optional={"parameters": mostly(parameters)},
)
bodies = st.fixed_dictionaries(
    {"inputs": mostly(st.lists(tensors, max_size=3))},
    optional={
        "id": mostly(st.text(max_size=5)),
        "outputs": mostly(st.lists(wishes, max_size=3)),
        "parameters": mostly(parameters),
    },
)
elements = st.lists(st.text(max_size=9) | st.binary(max_size=9), max_size=3).map(lambda values: packed(*values))


def send(body: bytes, length: int | None) -> int:
    headers = {} if length is None else {"Inference-Header-Content-Length": str(length)}
    response = client().post(f"{AT}/infer", content=body, headers=headers)
    assert response.status_code < 500, response.text
    if response.status_code != 200:
        assert isinstance(response.json()["error"], str)
    return response.status_code


@given(bodies, elements | st.binary(max_size=40), st.integers(-2, 2) | st.none())
@settings(max_examples=300, deadline=None)
def test_a_request_that_is_nearly_right(body: Any, binary: bytes, off: int | None) -> None:
    described = json.dumps(body).encode()
    send(described + binary, None if off is None else len(described) + off)


@given(st.binary(max_size=200), st.integers(0, 200) | st.none())
@settings(max_examples=100, deadline=None)
def test_any_bytes(body: bytes, length: int | None) -> None:
    send(body, length)


@given(st.lists(st.text(max_size=9), min_size=1, max_size=3), st.binary(max_size=3), st.integers(0, 12))
@settings(max_examples=200, deadline=None)
def test_binary_data_with_some_bytes_changed(texts: list[str], spoilt: bytes, at: int) -> None:
    binary = packed(*texts)
    changed = binary[:at] + spoilt + binary[at + len(spoilt) :]
    tensor = {"name": "text", "shape": [len(texts)], "datatype": "BYTES"}
    described = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": len(changed)}}]}).encode()
    assert send(described + changed, len(described)) in (200, 400, 422)
