"""The HTTP API, asked in process."""

import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient
from numpy.typing import NDArray

from firstline.bundle.predictor import Predictor
from firstline.errors import ScoresNotFinite
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.log import WithoutTexts
from firstline.serving.routes import ROUTES
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from firstline.types import Message
from tests.bundles import make_bundle
from tests.unit.serving.conftest import LIMITS


def ask(client: TestClient[Litestar], **body: object) -> Any:
    response = client.post("/v1/classify", json=body)
    assert response.status_code == 200
    return response.json()


def test_answer_has_label_confidence_and_ranking(client: TestClient[Litestar]) -> None:
    answer = ask(client, text="где мой перевод", segment="customer")
    assert set(answer) == {"model", "label", "confidence", "ranking", "decision", "reason"}
    assert answer["model"].startswith("linear.v1-")
    assert answer["label"] == "Перевод"
    assert answer["ranking"][0] == {"label": "Перевод", "confidence": answer["confidence"]}
    assert len(answer["ranking"]) == 3
    assert sum(item["confidence"] for item in answer["ranking"]) == pytest.approx(1, abs=1e-4)


def test_text_is_masked(client: TestClient[Litestar]) -> None:
    assert ask(client, text="наберите +7 (916) 123-45-67")["label"] == "Перевод"


def test_segment_counts(client: TestClient[Litestar]) -> None:
    assert ask(client, text="добрый день", segment="lead")["label"] == "Карта"


def test_segment_is_spelled_as_at_import(client: TestClient[Litestar]) -> None:
    assert "warnings" not in ask(client, text="карта", segment=" lead\u200b ")


@pytest.mark.parametrize("segment", [None, "", "  "])
def test_empty_segment_is_none(client: TestClient[Litestar], segment: str | None) -> None:
    assert "warnings" not in ask(client, text="карта", segment=segment)


def test_unknown_segment_is_ignored_and_said(client: TestClient[Litestar]) -> None:
    answer = ask(client, text="карта", segment="vip")
    assert answer["warnings"] == ["the segment is unknown to the model and was ignored"]
    assert answer["ranking"] == ask(client, text="карта")["ranking"]


def test_batch_answers_in_order_with_ids(client: TestClient[Litestar]) -> None:
    messages = [{"id": 7, "text": "карта"}, {"id": "b", "text": "перевод", "segment": "vip"}]
    answer = client.post("/v1/classify/batch", json={"messages": messages}).json()
    assert [(item["id"], item["label"]) for item in answer["results"]] == [(7, "Карта"), ("b", "Перевод")]
    assert "unknown to the model" in answer["results"][1]["warnings"][0]
    assert answer["model"].startswith("linear.v1-")


def test_batch_needs_no_ids(client: TestClient[Litestar]) -> None:
    results = client.post("/v1/classify/batch", json={"messages": [{"text": "карта"}]}).json()["results"]
    assert results[0]["label"] == "Карта"
    assert "id" not in results[0]


def test_batch_and_single_agree(client: TestClient[Litestar]) -> None:
    single = ask(client, text="карта")
    batch = client.post("/v1/classify/batch", json={"messages": [{"id": 1, "text": "карта"}]}).json()["results"][0]
    assert batch["ranking"] == single["ranking"]


def test_a_bad_message_does_not_spoil_the_batch(client: TestClient[Litestar]) -> None:
    messages = [{"id": 1, "text": " "}, {"id": 2, "text": "карта"}, {"id": 3, "text": "к" * 101}]
    results = client.post("/v1/classify/batch", json={"messages": messages}).json()["results"]
    assert [item.get("label") for item in results] == [None, "Карта", None]
    assert [item["error"]["code"] for item in (results[0], results[2])] == ["text_empty", "text_too_long"]


def test_empty_batch_has_no_results(client: TestClient[Litestar]) -> None:
    assert client.post("/v1/classify/batch", json={"messages": []}).json()["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "body_missing"),
        (b"{", 400, "invalid_request"),
        (b"[]", 400, "invalid_request"),
        (b"null", 400, "invalid_request"),
        (b'"text"', 400, "invalid_request"),
        (b"{}", 400, "invalid_request"),
        (b'{"text": 5}', 400, "invalid_request"),
        (b'{"text": null}', 400, "invalid_request"),
        (b'{"text": "a", "extra": 1}', 400, "invalid_request"),
        (b'{"text": "a", "segment": 5}', 400, "invalid_request"),
        (b'{"text": "a", "segment": "' + b"s" * 301 + b'"}', 400, "invalid_request"),
        (b'{"text": "\xff\xfe"}', 400, "invalid_utf8"),
        (b"[" * 3_000, 400, "invalid_request"),
        (b'{"text": ""}', 422, "text_empty"),
        (b'{"text": " \\u200b\\n\\t"}', 422, "text_empty"),
        (b'{"text": "' + b"a" * 101 + b'"}', 413, "text_too_long"),
        (b'{"text": "' + b"a" * 6_000 + b'"}', 413, "body_too_large"),
    ],
)
def test_bad_request_is_refused_in_one_shape(client: TestClient[Litestar], body: bytes, status: int, code: str) -> None:
    response = client.post("/v1/classify", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"].endswith(".")
    assert error["next_step"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"messages": [{"id": n, "text": "a"} for n in range(4)]}, "batch_too_large"),
        ({"messages": {"id": 1}}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
def test_bad_batch_is_refused(client: TestClient[Litestar], body: object, code: str) -> None:
    response = client.post("/v1/classify/batch", json=body)
    assert 400 <= response.status_code < 500
    assert response.json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/schema/nowhere", 404, "not_found"),
        ("GET", "/v1/classify", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
    ],
)
def test_wrong_address_or_method(client: TestClient[Litestar], method: str, path: str, status: int, code: str) -> None:
    response = client.request(method, path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/vnd.bank+json",
        "application/x-www-form-urlencoded",
        "",
        None,
    ],
)
def test_json_is_read_under_the_types_it_comes_with(client: TestClient[Litestar], media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}
    response = client.post("/v1/classify", content='{"text": "карта"}'.encode(), headers=headers)
    assert (response.status_code, response.json()["label"]) == (200, "Карта")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/html"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/octet-stream"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/msgpack"},
        {"Content-Type": "application/json; charset=windows-1251"},
        {"Content-Type": "json"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "identity, br"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/classify/batch"])
def test_another_type_or_a_compressed_body_is_refused(
    client: TestClient[Litestar], path: str, headers: dict[str, str]
) -> None:
    response = client.post(path, content='{"text": "карта"}'.encode(), headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "media_type")


def test_a_get_may_bear_any_type(client: TestClient[Litestar]) -> None:
    assert client.get("/health/live", headers={"Content-Type": "text/plain"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/classify", {"POST"}),
        ("POST", "/health/live", {"GET", "HEAD"}),
        ("DELETE", "/v1/models", {"GET", "HEAD"}),
    ],
)
def test_another_method_is_refused_with_those_allowed(
    client: TestClient[Litestar], method: str, path: str, allowed: set[str]
) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert allowed <= set(response.headers["allow"].split(", "))


@pytest.mark.parametrize(
    "body",
    [
        {"text": "карта", "арбуз": 1},
        {"text": "карта", "арбуз` или `text": 1},
        {"text": "карта", "segment": ["арбуз"]},
        {"messages": "карта", "арбуз": 1},
    ],
)
@pytest.mark.parametrize("path", ["/v1/classify", "/v1/classify/batch"])
def test_a_refusal_repeats_nothing_of_the_request(client: TestClient[Litestar], path: str, body: object) -> None:
    response = client.post(path, json=body)
    assert response.status_code == 400
    assert "арбуз" not in response.text


BAD_ITEMS: list[tuple[bytes, object]] = [
    (b"null", None),
    (b"5", None),
    (b'"\xd0\xba"', None),
    (b"[]", None),
    (b"{}", None),
    (b'{"id": 7}', 7),
    (b'{"id": 7, "text": null}', 7),
    (b'{"id": 7, "text": 5}', 7),
    (b'{"id": 7, "text": ["a"]}', 7),
    (b'{"id": "a", "text": "b", "\xd0\xb0\xd1\x80\xd0\xb1\xd1\x83\xd0\xb7": 1}', "a"),
    (b'{"id": [1], "text": "b"}', None),
    (b'{"id": 1.5, "text": "b"}', None),
    (b'{"id": true, "text": "b"}', None),
    (b'{"id": ' + b"9" * 4_000 + b', "text": 1e999}', int("9" * 4_000)),
    (b'{"id": ' + b"9" * 4_400 + b', "text": "b"}', None),
    (b'{"id": 7, "text": 1e999}', 7),
    (b'{"id": 7, "text": "b", "segment": "' + b"s" * 301 + b'"}', 7),
    (b'{"id": 7, "text": "b", "segment": 5}', 7),
]


@pytest.mark.parametrize(("item", "item_id"), BAD_ITEMS)
def test_a_message_that_is_not_what_the_schema_says_fails_alone(
    client: TestClient[Litestar], item: bytes, item_id: object
) -> None:
    body = b'{"messages": [{"id": 1, "text": "%s"}, %s, {"text": "%s"}]}' % ("карта".encode(), item, "перевод".encode())
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    first, bad, last = response.json()["results"]
    assert (first["id"], first["label"], last["label"]) == (1, "Карта", "Перевод")
    assert bad["error"]["code"] == "invalid_request"
    assert bad["error"]["message"].endswith(".")
    assert bad.get("id") == item_id
    assert "label" not in bad
    assert "арбуз" not in response.text


@pytest.mark.parametrize("half", ["\\ud83d", "\\uD83D", "\\ude00", "\\ud83d \\ude00", "\\ud83d\\ud83d", "\\\\\\ud83d"])
def test_half_an_emoji_is_answered_in_place(client: TestClient[Litestar], half: str) -> None:
    body = f'{{"messages": [{{"id": 1, "text": "карта {half}"}}, {{"id": "{half}", "text": "перевод"}}]}}'.encode()
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    assert [item["label"] for item in response.json()["results"]] == ["Карта", "Перевод"]
    single = client.post("/v1/classify", content=f'{{"text": "карта {half}"}}'.encode())
    assert (single.status_code, single.json()["label"]) == (200, "Карта")


@pytest.mark.parametrize("odd", ['"id": ' + "9" * 4_301, '"id": 1e400', '"id": 7, "other": 1e400'])
def test_half_an_emoji_and_an_endless_number_are_answered_apart(client: TestClient[Litestar], odd: str) -> None:
    body = rf'{{"messages": [{{"id": 1, "text": "карта \ud83d"}}, {{{odd}, "text": "перевод"}}]}}'.encode()
    response = client.post("/v1/classify/batch", content=body)
    first, second = response.json()["results"]
    assert (response.status_code, first["id"], "error" in first) == (200, 1, False)
    assert second["error"]["code"] == "invalid_request"


def test_only_the_half_is_replaced(client: TestClient[Litestar]) -> None:
    body = rb'{"messages": [{"id": "\ud83d|\ud83d\ude00|\\ud83d|\n\"", "text": ""}]}'
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.json()["results"][0]["id"] == '\ufffd|\U0001f600|\\ud83d|\n"'


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, -(2**63), 2**64, 10**30])
def test_an_id_of_any_size_comes_back(client: TestClient[Litestar], number: int) -> None:
    body = f'{{"messages": [{{"id": {number}, "text": "карта"}}]}}'.encode()
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert response.json()["results"][0] == {"id": number} | response.json()["results"][0]
    assert response.json()["results"][0]["label"] == "Карта"


@pytest.mark.parametrize("body", [b'{"messages": [{"text": "a"}, ]}', b'{"messages": [{"text": "a"}', b"[" * 3_000])
def test_a_batch_that_is_not_json_is_refused_whole(client: TestClient[Litestar], body: bytes) -> None:
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_request")


def test_a_batch_of_countless_values_is_refused_unread(tmp_path: Path) -> None:
    written = make_bundle(tmp_path)
    app = create_app(Current(Service(Predictor.load(tmp_path / written.id), tmp_path, ServingSettings())))
    body = b'{"messages": [' + b"0," * 1_500_000 + b"0]}"
    with TestClient(app) as client:
        response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "batch_too_large")
    assert response.json()["error"]["message"] == "The body has too many values."


def test_a_batch_that_is_not_utf8_is_refused_whole(client: TestClient[Litestar]) -> None:
    body = b'{"messages": [{"text": "a"}, {"text": "\xea\xe0\xf0\xf2\xe0"}]}'
    response = client.post("/v1/classify/batch", content=body, headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["error"]["code"]) == (400, "invalid_utf8")


class Spoilt(Predictor):
    """Gives no finite scores for one word."""

    def _mixed(
        self, messages: Sequence[Message], ruled: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        if any(message.text == "порча" for message in messages):
            raise ScoresNotFinite("The scores are not probabilities.", "Serve another model.")
        return super()._mixed(messages, ruled)


@pytest.fixture
def spoilt(tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    written = make_bundle(tmp_path)
    with TestClient(create_app(Current(Service(Spoilt.load(tmp_path / written.id), tmp_path, LIMITS)))) as client:
        yield client


def test_scores_that_are_not_finite_are_an_error(spoilt: TestClient[Litestar]) -> None:
    response = spoilt.post("/v1/classify", json={"text": "порча"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "scores_not_finite")


def test_scores_that_are_not_finite_fail_alone(spoilt: TestClient[Litestar]) -> None:
    messages = [{"id": 1, "text": "карта"}, {"id": 2, "text": "порча"}, {"id": 3, "text": "перевод"}]
    results = spoilt.post("/v1/classify/batch", json={"messages": messages}).json()["results"]
    assert [item.get("label") for item in results] == ["Карта", None, "Перевод"]
    assert (results[1]["id"], results[1]["error"]["code"]) == (2, "scores_not_finite")


def test_a_refusal_says_which_field_is_wrong(client: TestClient[Litestar]) -> None:
    message = client.post("/v1/classify", json={"text": 5}).json()["error"]["message"]
    assert "Expected `str`, got `int`" in message
    assert "text" in message


def test_the_log_of_an_error_has_its_place_and_not_its_text() -> None:
    handler, text = WithoutTexts("%(message)s"), "арбуз"
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "failed", None, sys.exc_info())
    told = handler.format(record)
    assert "ValueError" in told
    assert "test_api.py" in told
    assert text not in told


def test_unforeseen_error_shows_no_trace(
    app: Litestar, client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(app.state.current.service.predictor, "predict", fail)
    response = client.post("/v1/classify", json={"text": "карта"})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal"
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "карта" not in caplog.text


def test_health(client: TestClient[Litestar]) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["model"].startswith("linear.v1-")


def test_models_tell_which_one_serves(client: TestClient[Litestar], tmp_path: Path) -> None:
    make_bundle(tmp_path, strength=9.0)
    listed = client.get("/v1/models").json()["models"]
    assert len(listed) == 2
    assert [item["is_serving"] for item in listed].count(True) == 1
    assert listed[0]["labels"] == ["Банкомат", "Карта", "Перевод"]


def test_schema_says_what_is_refused(client: TestClient[Litestar]) -> None:
    schemas = client.get("/schema").json()["components"]["schemas"]
    for name in ("ClassifyRequest", "BatchMessage"):
        assert schemas[name]["additionalProperties"] is False
        text = schemas[name]["properties"]["text"]
        assert (text["type"], text["minLength"]) == ("string", 1)
        assert "At most 100 characters" in text["description"]
    messages = schemas["BatchRequest"]["properties"]["messages"]
    assert messages["items"]["anyOf"][0] == {"$ref": "#/components/schemas/BatchMessage"}
    assert "At most 3" in messages["description"]


def test_the_model_that_serves_is_listed_when_its_folder_is_gone(client: TestClient[Litestar], tmp_path: Path) -> None:
    rmtree(next(tmp_path.glob("linear*")))
    (listed,) = client.get("/v1/models").json()["models"]
    assert listed["is_serving"]


def test_schema_describes_every_address(client: TestClient[Litestar]) -> None:
    schema = client.get("/schema").json()
    assert set(schema["paths"]) == {path for path in ROUTES if not path.startswith("/schema")}
    assert schema["openapi"].startswith("3.")


def test_no_page_of_the_service_loads_anything_from_elsewhere(client: TestClient[Litestar]) -> None:
    for path in ("/schema", "/schema/openapi.json", "/schema/swagger", "/schema/redoc", "/"):
        assert "<script" not in client.get(path).text


def test_an_email_is_answered_without_what_it_quotes(client: TestClient[Litestar]) -> None:
    assert ask(client, text="Банкомат\n\n> Перевод\n> Перевод")["label"] == "Банкомат"
