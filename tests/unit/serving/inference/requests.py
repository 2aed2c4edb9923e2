"""Requests of the protocol, written by hand as its specification has them."""

import json
from collections.abc import Sequence
from typing import Any

import httpx
from litestar import Litestar
from litestar.testing import TestClient

AT = "/v2/models/firstline"


def tensor(name: str, *values: Any, **other: Any) -> dict[str, Any]:
    """An input with its data in the JSON; `other` replaces or adds fields."""
    return {"name": name, "shape": [len(values)], "datatype": "BYTES", "data": list(values), **other}


def packed(*values: str | bytes) -> bytes:
    """Elements as binary data."""
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    return b"".join(len(item).to_bytes(4, "little") + item for item in encoded)


def named(name: str, n: int, size: Any, **other: Any) -> dict[str, Any]:
    """An input whose data follow the JSON."""
    return {"name": name, "shape": [n], "datatype": "BYTES", "parameters": {"binary_data_size": size}, **other}


def ask(client: TestClient[Litestar], *inputs: Any, binary: bytes | None = None, **other: Any) -> httpx.Response:
    """The answer to a request; with `binary`, to one whose JSON these bytes follow."""
    described = json.dumps({"inputs": inputs, **other}).encode()
    if binary is None:
        return client.post(f"{AT}/infer", content=described)
    headers = {"Inference-Header-Content-Length": str(len(described)), "Content-Type": "application/octet-stream"}
    return client.post(f"{AT}/infer", content=described + binary, headers=headers)


def outputs(response: httpx.Response) -> dict[str, Any]:
    """The data of each output that stands in the JSON."""
    assert response.status_code == 200, response.text
    return {item["name"]: item["data"] for item in response.json()["outputs"]}


def unpacked(data: bytes) -> Sequence[str]:
    """The elements of binary data."""
    found = []
    while data:
        end = 4 + int.from_bytes(data[:4], "little")
        found.append(data[4:end].decode())
        data = data[end:]
    return found
