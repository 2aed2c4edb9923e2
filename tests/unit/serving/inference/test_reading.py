"""Tensors that are not what the protocol says: refused with 400, and nothing of them is repeated."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.unit.serving.inference.requests import AT, ask, named, outputs, packed, tensor

GOOD = tensor("text", "карта")
DATA = b'{"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": '
TWO = packed("карта", "арбуз")


def refused(response: Any, status: int = 400, code: str = "invalid_request") -> None:
    assert (response.status_code, response.headers["x-error-code"]) == (status, code)
    assert isinstance(response.json()["error"], str)
    assert "арбуз" not in response.text
    assert "watermelon" not in response.text


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [tensor("segment", "арбуз")],
        [tensor("арбуз", "карта")],
        [GOOD, GOOD],
        [GOOD, tensor("segment", "lead"), tensor("segment", "lead")],
        [GOOD, tensor("watermelon", "lead")],
        [tensor("text", "арбуз", datatype="FP32")],
        [tensor("text", "арбуз", datatype="арбуз")],
        [tensor("text", "арбуз", shape=[2])],
        [tensor("text", "арбуз", shape=[])],
        [tensor("text", shape=[0])],
        [tensor("text", "арбуз", shape=[-1])],
        [tensor("text", "арбуз", shape=[1, -1])],
        [tensor("text", "арбуз", shape=[1, 2])],
        [tensor("text", "арбуз", shape=[1, 1, 1])],
        [tensor("text", "арбуз", shape=["1"])],
        [tensor("text", "арбуз", shape=[1.5])],
        [tensor("text", "арбуз", shape="watermelon")],
        [tensor("text", 5)],
        [tensor("text", None)],
        [tensor("text", {"арбуз": "watermelon"})],
        [tensor("text", ["арбуз"])],
        [tensor("text", [["арбуз"]], shape=[1, 1])],
        [tensor("text", ["арбуз", "b"], shape=[1, 1])],
        [tensor("text", [], shape=[1, 1])],
        [tensor("text", ["арбуз"], "b", shape=[2, 1])],
        [tensor("text", "арбуз", data="арбуз")],
        [tensor("text", "арбуз", data=None)],
        [tensor("text", "арбуз", parameters={"binary_data_size": 0})],
        [tensor("text", "арбуз", parameters=["арбуз"])],
        [tensor("text", "арбуз", parameters={"арбуз": ["арбуз"]})],
        [{"name": "text", "shape": [1], "datatype": "BYTES"}],
        [{"name": "text", "datatype": "BYTES", "data": ["арбуз"]}],
        [named("text", 1, 9)],
        [tensor("text", "a", "b"), tensor("segment", "lead")],
        [GOOD, tensor("segment", "s" * 301)],
        ["watermelon"],
        [None],
    ],
)
def test_wrong_inputs_are_refused(client: TestClient[Litestar], inputs: list[Any]) -> None:
    refused(ask(client, *inputs))


@pytest.mark.parametrize("n", [4, 79_161_234_567, 2**64, 10**400])
def test_a_huge_shape_is_refused_unread(client: TestClient[Litestar], n: int) -> None:
    response = ask(client, tensor("text", "арбуз", shape=[n]))
    refused(response, 413, "batch_too_large")
    assert response.json()["error"].startswith("The batch has more than 3 messages.")


@pytest.mark.parametrize(
    ("inputs", "binary"),
    [
        ([named("text", 2, len(TWO) + 1)], TWO),
        ([named("text", 2, len(TWO) - 1)], TWO),
        ([named("text", 2, len(TWO) - 1)], TWO[:-1]),
        ([named("text", 2, len(TWO))], TWO + b"a"),
        ([named("text", 1, len(TWO))], TWO),
        ([named("text", 3, len(TWO))], TWO),
        ([named("text", 2, -1)], TWO),
        ([named("text", 2, 2**70)], TWO),
        ([named("text", 2, True)], TWO),
        ([named("text", 2, float(len(TWO)))], TWO),
        ([named("text", 2, str(len(TWO)))], TWO),
        ([named("text", 2, len(TWO), data=["a", "b"])], TWO),
        ([named("text", 2, len(TWO)), named("segment", 2, len(TWO))], TWO),
        ([named("text", 1, 4)], b"\xff\xff\xff\xff"),
        ([named("text", 1, 3)], b"\x00\x00\x00"),
        ([named("text", 1, 0)], b""),
        ([GOOD], "арбуз".encode()),
    ],
)
def test_wrong_binary_data_are_refused(client: TestClient[Litestar], inputs: list[Any], binary: bytes) -> None:
    refused(ask(client, *inputs, binary=binary))


def test_binary_data_that_are_not_utf8_name_their_place(client: TestClient[Litestar]) -> None:
    sent = packed("карта", b"\xea\xe0\xf0")
    response = ask(client, named("text", 2, len(sent)), binary=sent)
    refused(response, 400, "invalid_utf8")
    assert response.json()["error"].startswith("text[1] is not UTF-8.")


@pytest.mark.parametrize("length", ["", "-1", "1.5", "+5", "100000", "9" * 500, "watermelon", "\u0662"])
def test_a_wrong_length_of_the_json_is_refused(client: TestClient[Litestar], length: str) -> None:
    headers = {b"Inference-Header-Content-Length": length.encode()}
    refused(client.post(f"{AT}/infer", content=b'{"inputs": []}', headers=headers))


@pytest.mark.parametrize(
    "other",
    [
        {"outputs": [{"name": "арбуз"}]},
        {"outputs": [{"name": "watermelon"}]},
        {"outputs": [{"name": "label"}, {"name": "label"}]},
        {"outputs": [{}]},
        {"outputs": {"name": "label"}},
        {"outputs": [{"name": "label", "parameters": {"binary_data": 1}}]},
        {"outputs": [{"name": "label", "parameters": {"classification": 2}}]},
        {"outputs": [{"name": "label", "parameters": {"shared_memory_region": "арбуз"}}]},
        {"parameters": {"binary_data_output": "арбуз"}},
        {"parameters": {"арбуз": {}}},
        {"parameters": "арбуз"},
        {"id": 5},
        {"id": ["арбуз"]},
    ],
)
def test_wrong_wishes_are_refused(client: TestClient[Litestar], other: dict[str, Any]) -> None:
    refused(ask(client, GOOD, **other))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body_missing"),
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b"null", 400, "invalid_request"),
        (b"{}", 400, "invalid_request"),
        (b"[" * 3_000, 400, "invalid_request"),
        (DATA + b"[" * 3_000, 400, "invalid_request"),
        (b'{"inputs": [{"name": "\xff"}]}', 400, "invalid_utf8"),
        (DATA + b'["\xff"]}]}', 400, "invalid_request"),
        (b'{"inputs": "' + b"a" * 6_000 + b'"}', 413, "body_too_large"),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    client: TestClient[Litestar], body: bytes, status: int, code: str
) -> None:
    refused(client.post(f"{AT}/infer", content=body), status, code)


def test_half_an_emoji_is_answered(client: TestClient[Litestar]) -> None:
    body = rb'{"inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["\ud83d %s", "%s"]}]}'
    response = client.post(f"{AT}/infer", content=body % ("карта".encode(), "перевод".encode()))
    assert outputs(response)["label"] == ["Карта", "Перевод"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=windows-1251"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "gzip", "Content-Type": "application/octet-stream"},
    ],
)
def test_another_type_or_a_compressed_body_is_refused(client: TestClient[Litestar], headers: dict[str, str]) -> None:
    refused(client.post(f"{AT}/infer", content=b'{"inputs": []}', headers=headers), 415, "media_type")


def test_binary_is_no_type_of_other_addresses(client: TestClient[Litestar]) -> None:
    response = client.post("/v1/classify", content=b"{}", headers={"Content-Type": "application/octet-stream"})
    assert response.status_code == 415
