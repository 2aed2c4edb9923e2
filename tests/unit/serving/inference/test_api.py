"""The addresses of the protocol, asked in process."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline import __version__
from firstline.errors import ScoresNotFinite
from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.routes import OTHER, ROUTES, route_of
from tests.bundles import LABELS
from tests.unit.serving.inference.requests import AT, ask, named, outputs, packed, tensor, unpacked


@pytest.fixture
def version(app: Litestar) -> str:
    model: str = app.state.current.service.model
    return model


def test_server_lives_and_is_ready(client: TestClient[Litestar]) -> None:
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_server_tells_its_version_and_extension(client: TestClient[Litestar]) -> None:
    expected = {"name": "firstline", "version": __version__, "extensions": ["binary_tensor_data"]}
    assert client.get("/v2").json() == expected


def test_model_tells_its_tensors(client: TestClient[Litestar], version: str) -> None:
    told = client.get(AT).json()
    assert (told["name"], told["versions"]) == ("firstline", [version])
    assert told["inputs"] == [{"name": name, "datatype": "BYTES", "shape": [-1]} for name in ("text", "segment")]
    assert {item["name"]: (item["datatype"], item["shape"]) for item in told["outputs"]} == {
        "label": ("BYTES", [-1]),
        "confidence": ("FP32", [-1]),
        "decision": ("BYTES", [-1]),
        "reason": ("BYTES", [-1]),
        "probabilities": ("FP32", [-1, 3]),
        "classes": ("BYTES", [3]),
    }


def test_the_version_that_serves_may_be_named(client: TestClient[Litestar], version: str) -> None:
    at = f"{AT}/versions/{version}"
    assert client.get(at).json() == client.get(AT).json()
    assert client.get(f"{at}/ready").json() == client.get(f"{AT}/ready").json() == {"name": "firstline", "ready": True}
    answer = client.post(f"{at}/infer", json={"inputs": [tensor("text", "карта")]})
    assert (answer.status_code, answer.json()["model_version"]) == (200, version)


@pytest.mark.parametrize("path", [f"{AT}/versions/арбуз", "/v2/models/арбуз", "/v2/арбуз"])
@pytest.mark.parametrize("rest", ["", "/ready", "/infer"])
def test_another_version_model_or_address_is_not_found(client: TestClient[Litestar], path: str, rest: str) -> None:
    body = {"inputs": [tensor("text", "карта")]}
    response = client.post(path + rest, json=body) if rest == "/infer" else client.get(path + rest)
    assert response.status_code == 404
    assert isinstance(response.json()["error"], str)
    assert "арбуз" not in response.text


@pytest.mark.parametrize("rest", ["", "/ready", "/infer", "/versions/1"])
def test_another_model_is_told_the_name_of_the_one_there_is(client: TestClient[Litestar], rest: str) -> None:
    told = client.get(f"/v2/models/other{rest}")
    assert told.json() == {"error": "There is no model of this name. The model is called firstline."}
    assert told.headers["x-error-code"] == "not_found"
    assert "no model" not in client.get(f"{AT}/other").text
    assert "no model" not in client.get("/v2/models").text


def test_one_message_gets_what_classify_answers(client: TestClient[Litestar], version: str) -> None:
    response = ask(client, tensor("text", "где мой перевод"), id="17")
    plain = client.post("/v1/classify", json={"text": "где мой перевод"}).json()
    assert response.json()["id"] == "17"
    assert (response.json()["model_name"], response.json()["model_version"]) == ("firstline", version)
    assert response.headers["content-type"] == "application/json"
    expected = {name: [plain[name]] for name in ("label", "confidence", "decision", "reason")}
    assert outputs(response) == expected


def test_several_messages_are_answered_in_order(client: TestClient[Litestar]) -> None:
    answer = ask(client, tensor("text", "карта", "перевод", "банкомат"))
    assert outputs(answer)["label"] == ["Карта", "Перевод", "Банкомат"]
    assert "id" not in answer.json()


def test_a_column_of_messages_is_answered(client: TestClient[Litestar]) -> None:
    nested = ask(client, tensor("text", ["карта"], ["перевод"], shape=[2, 1]))
    flat = ask(client, tensor("text", "карта", "перевод", shape=[2, 1]))
    assert outputs(nested)["label"] == outputs(flat)["label"] == ["Карта", "Перевод"]
    assert nested.json()["outputs"][0]["shape"] == [2]


def test_segments_count_and_an_empty_one_is_none(client: TestClient[Litestar]) -> None:
    answer = ask(client, tensor("text", "добрый день", "добрый день"), tensor("segment", "lead", ""))
    assert outputs(answer)["label"][0] == "Карта"
    assert outputs(answer)["confidence"][0] > outputs(answer)["confidence"][1]
    assert "parameters" not in answer.json()


def test_an_unknown_segment_is_said(client: TestClient[Litestar]) -> None:
    answer = ask(client, tensor("text", "карта", "карта"), tensor("segment", "vip", "vip"))
    expected = {"warnings": "the segment is unknown to the model and was ignored"}
    assert answer.json()["parameters"] == expected


def test_probabilities_have_the_order_of_the_classes(client: TestClient[Litestar]) -> None:
    wanted = [{"name": "probabilities"}, {"name": "classes"}, {"name": "label"}]
    answer = ask(client, tensor("text", "карта", "перевод"), outputs=wanted)
    assert [item["name"] for item in answer.json()["outputs"]] == ["probabilities", "classes", "label"]
    assert [item["shape"] for item in answer.json()["outputs"]] == [[2, 3], [3], [2]]
    assert outputs(answer)["classes"] == list(LABELS)
    first, second = outputs(answer)["probabilities"][:3], outputs(answer)["probabilities"][3:]
    assert [LABELS[row.index(max(row))] for row in (first, second)] == outputs(answer)["label"] == ["Карта", "Перевод"]
    assert sum(first) == pytest.approx(1, abs=1e-4)


def test_parameters_of_others_change_nothing(client: TestClient[Litestar]) -> None:
    odd: dict[str, Any] = {"sequence_id": 5, "priority": 1, "note": "n", "share": 0.5, "is": True}
    text = tensor("text", "карта", parameters={"content_type": "str"})
    answer = ask(client, text, parameters=odd, outputs=[{"name": "label", "parameters": {"x": 1}}], other=[1])
    assert outputs(answer) == {"label": ["Карта"]}


def test_null_is_as_left_out(client: TestClient[Litestar]) -> None:
    text = tensor("text", "карта", parameters=None)
    answer = ask(client, text, id=None, parameters=None, outputs=None)
    assert outputs(answer)["label"] == ["Карта"]


def test_binary_data_are_read(client: TestClient[Litestar]) -> None:
    texts, segments = packed("добрый день", "перевод"), packed("lead", "")
    inputs = [named("text", 2, len(texts)), named("segment", 2, len(segments))]
    answer = ask(client, *inputs, binary=texts + segments)
    assert outputs(answer)["label"] == ["Карта", "Перевод"]


def test_binary_and_json_data_may_stand_together(client: TestClient[Litestar]) -> None:
    texts = packed("добрый день", "карта")
    answer = ask(client, tensor("segment", "lead", ""), named("text", 2, len(texts)), binary=texts)
    assert outputs(answer)["label"] == ["Карта", "Карта"]


def test_outputs_are_binary_where_asked(client: TestClient[Litestar]) -> None:
    wanted = [
        {"name": "label", "parameters": {"binary_data": True}},
        {"name": "decision"},
        {"name": "confidence", "parameters": {"binary_data": True}},
    ]
    answer = ask(client, tensor("text", "карта", "перевод"), outputs=wanted)
    assert answer.headers["content-type"] == "application/octet-stream"
    length = int(answer.headers["inference-header-content-length"])
    label, decision, confidence = json.loads(answer.content[:length])["outputs"]
    n_bytes = label["parameters"]["binary_data_size"]
    binary = answer.content[length:]
    assert unpacked(binary[:n_bytes]) == ["Карта", "Перевод"]
    assert len(binary) - n_bytes == confidence["parameters"]["binary_data_size"] == 8
    assert (len(decision["data"]), "parameters" in decision, "data" in label) == (2, False, False)


def test_an_output_may_differ_from_all_others(client: TestClient[Litestar]) -> None:
    wanted = [{"name": "label"}, {"name": "reason", "parameters": {"binary_data": False}}]
    answer = ask(client, tensor("text", "карта"), outputs=wanted, parameters={"binary_data_output": True})
    length = int(answer.headers["inference-header-content-length"])
    label, reason = json.loads(answer.content[:length])["outputs"]
    assert ("data" in label, len(reason["data"])) == (False, 1)
    assert unpacked(answer.content[length:]) == ["Карта"]


@pytest.mark.parametrize(
    ("texts", "status", "place"),
    [(("карта", " ", ""), 422, "text[1]"), (("карта", "перевод", "к" * 101), 413, "text[2]"), ((" ",), 422, "")],
)
def test_a_message_without_an_answer_fails_the_request(
    client: TestClient[Litestar], texts: tuple[str, ...], status: int, place: str
) -> None:
    response = ask(client, tensor("text", *texts))
    assert response.status_code == status
    assert response.json()["error"].startswith(place)
    assert response.headers["x-error-code"] == ("text_empty" if status == 422 else "text_too_long")


def test_too_many_messages_are_refused(client: TestClient[Litestar]) -> None:
    response = ask(client, tensor("text", "a", "b", "c", "d"))
    assert (response.status_code, response.headers["x-error-code"]) == (413, "batch_too_large")


def test_scores_that_are_not_finite_name_their_message(
    app: Litestar, client: TestClient[Litestar], monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = app.state.current.service.predictor
    predict = predictor.predict

    def spoilt(messages: Any) -> Any:
        if any(message.text == "порча" for message in messages):
            raise ScoresNotFinite("The scores are not probabilities.", "Serve another model.")
        return predict(messages)

    monkeypatch.setattr(predictor, "predict", spoilt)
    response = ask(client, tensor("text", "карта", "порча"))
    assert (response.status_code, response.headers["x-error-code"]) == (503, "scores_not_finite")
    assert response.json()["error"] == "text[1]: The scores are not probabilities. Serve another model."


@pytest.fixture
def observed(app: Litestar) -> Iterator[tuple[TestClient[Any], list[Exchange]]]:
    seen: list[Exchange] = []
    with TestClient(Front(app, observer=seen.append)) as client:
        yield client, seen


@pytest.mark.parametrize("texts", [("карта",), ("карта", "перевод")])
def test_exchange_has_model_and_answers(
    observed: tuple[TestClient[Any], list[Exchange]], version: str, texts: tuple[str, ...]
) -> None:
    client, seen = observed
    ask(client, tensor("text", *texts))
    (exchange,) = seen
    assert (exchange.route, exchange.model) == (f"{AT}/infer", version)
    assert [label for label, _ in exchange.answers] == ["Карта", "Перевод"][: len(texts)]


def test_routes_are_known_without_what_a_client_writes(app: Litestar) -> None:
    paths = {route.path_format for route in app.routes if route.path_format.startswith("/v2")}
    assert len(paths) == 9
    assert paths <= set(ROUTES)
    asked = {route_of(path.replace("{version}", "linear.v1-0a")) for path in paths}
    assert asked == paths


@pytest.mark.parametrize("path", ["/v2/models/x", f"{AT}/versions/1/other", f"{AT}/versions/1/2/infer", "/v22"])
def test_a_foreign_address_is_another(path: str) -> None:
    assert route_of(path) == OTHER


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/", "//v1///models//", AT, f"{AT}/", f"/{AT}/versions//9"])
def test_an_address_that_is_answered_has_its_route(client: TestClient[Litestar], path: str) -> None:
    """A key must not be got round by a slash."""
    is_version = "versions" in path
    assert client.get(f"http://testserver{path}").status_code == (404 if is_version else 200)
    assert route_of(path) in ("/v1/models", AT, f"{AT}/versions/{{version}}")


def test_schema_describes_requests(client: TestClient[Litestar]) -> None:
    schema = client.get("/schema").json()
    for path in (f"{AT}/infer", f"{AT}/versions/{{version}}/infer"):
        body = schema["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body == {"$ref": "#/components/schemas/InferRequest"}
    data = schema["components"]["schemas"]["InputTensor"]["properties"]["data"]
    assert data["items"]["oneOf"][0] == {"type": "string"}
