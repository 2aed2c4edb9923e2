"""Errors of the protocol's addresses are strings; those of all others keep their shape."""

from collections.abc import Mapping
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.errors import RequestError
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.refusals import Refusal
from firstline.serving.singles import Singles
from tests.unit.serving.inference.requests import AT, ask, tensor


@pytest.mark.parametrize(("method", "path", "status"), [("GET", f"{AT}/infer", 405), ("GET", "/v2/nowhere", 404)])
def test_an_error_is_a_string(client: TestClient[Litestar], method: str, path: str, status: int) -> None:
    response = client.request(method, path)
    assert (response.status_code, type(response.json()["error"])) == (status, str)
    assert response.headers["x-error-code"] in ("method_not_allowed", "not_found")


@pytest.mark.parametrize("path", ["/v1/nowhere", "/v22", "/v1/v2/x"])
def test_other_addresses_keep_their_shape(client: TestClient[Litestar], path: str) -> None:
    response = client.get(path)
    assert response.json()["error"]["code"] == "not_found"
    assert "x-error-code" not in response.headers


def test_an_error_keeps_its_headers(client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch) -> None:
    async def busy(*_: object) -> None:
        raise RequestError("busy", "Too many wait.", "Send it again.", status=503, retry_after_s=3)

    monkeypatch.setattr(Singles, "answer", busy)
    response = ask(client, tensor("text", "карта"))
    assert (response.status_code, response.headers["retry-after"]) == (503, "3")
    assert response.json() == {"error": "Too many wait. Send it again."}


class Closed:
    """Lets nobody in."""

    def refusal(self, scope: Mapping[str, Any], exchange: Exchange) -> Refusal | None:
        return Refusal(401, "no_key", "A key is needed.", "Send one.")


def test_a_refusal_before_the_application_has_the_shape_of_its_address(app: Litestar) -> None:
    client: TestClient[Any] = TestClient(Front(app, Closed()))
    protocol, other = client.get(AT), client.get("/v1/models")
    assert (protocol.status_code, protocol.json()) == (401, {"error": "A key is needed. Send one."})
    assert protocol.headers["x-error-code"] == "no_key"
    assert other.json()["error"]["code"] == "no_key"


def test_an_unforeseen_error_shows_nothing(
    app: Litestar, client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(app.state.current.service.predictor, "predict", fail)
    response = ask(client, tensor("text", "карта", "перевод"))
    assert (response.status_code, response.headers["x-error-code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "карта" not in caplog.text
