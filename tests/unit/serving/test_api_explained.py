"""The HTTP API says which words carried an answer."""

from typing import Any

import numpy as np
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.bundle.parts.tfidf import NgramBlock, Tfidf


def explained(client: TestClient[Litestar], query: str, **body: object) -> Any:
    response = client.post(f"/v1/classify{query}", json=body)
    assert response.status_code == 200
    return response.json()


def test_an_answer_says_why_when_asked(client: TestClient[Litestar]) -> None:
    answer = explained(client, "?explain=true", text="где мой перевод на +7 916 123-45-67, карта?", segment="vip")
    assert answer["label"] == "Перевод"
    assert answer["explanation"]["method"] == "exact"
    words = answer["explanation"]["words"]
    assert {item["word"] for item in words[:2]} == {"перевод", "<PHONE>"}
    assert (words[2]["word"], words[2]["weight"] < 0 < words[1]["weight"]) == ("карта", True)
    assert answer["warnings"] == ["the segment is unknown to the model and was ignored"]
    del answer["explanation"]
    assert answer == explained(client, "", text="где мой перевод на +7 916 123-45-67, карта?", segment="vip")


@pytest.mark.parametrize("query", ["", "?explain=false"])
def test_an_answer_does_not_say_why_unasked(client: TestClient[Litestar], query: str) -> None:
    assert "explanation" not in explained(client, query, text="карта")


def test_a_message_of_no_known_word_has_no_words_that_carried_it(client: TestClient[Litestar]) -> None:
    assert explained(client, "?explain=true", text="😀")["explanation"] == {"words": [], "method": "exact"}


def test_at_most_30_words_are_told(client: TestClient[Litestar], app: Litestar) -> None:
    part = app.state.current.service.predictor.parts[0].scorer
    words = list("abcdefghijklmnopqrstuvwxyz0123456789")
    part.tfidf = Tfidf([NgramBlock("word", 1, 1)], [words], np.ones(len(words), np.float32))
    part.weights = np.outer(np.arange(1, len(words) + 1), [0, 0, 1]).astype(np.float32)
    told = explained(client, "?explain=true", text=" ".join(words))["explanation"]["words"]
    assert [item["word"] for item in told] == words[:-31:-1]


@pytest.mark.parametrize(
    "text",
    ["<b onclick='x()'>карта</b> &lt;", r"карта\u0000\u001b[31m", r"\u202eкарта\u0301", r"карта \ud83d", "مَرْحَبًا карта"],
)
def test_hostile_texts_are_explained(client: TestClient[Litestar], text: str) -> None:
    response = client.post("/v1/classify?explain=true", content=f'{{"text": "{text}"}}'.encode())
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["explanation"]["method"] == "exact"


@pytest.mark.parametrize("value", ["1", "", "True", "no", "secret", "%D0%B0%D1%80%D0%B1%D1%83%D0%B7", "%ff", "%00"])
def test_explain_is_true_or_false(client: TestClient[Litestar], value: str) -> None:
    response = client.post(f"/v1/classify?explain={value}", json={"text": "карта"})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "invalid_request")
    assert error["message"].endswith("in the address, explain is either true or false.")


@pytest.mark.parametrize(("text", "status"), [(" ", 422), ("а" * 101, 413)])
def test_what_cannot_be_answered_is_not_explained(client: TestClient[Litestar], text: str, status: int) -> None:
    assert client.post("/v1/classify?explain=true", json={"text": text}).status_code == status
