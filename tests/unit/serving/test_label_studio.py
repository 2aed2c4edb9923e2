"""What Label Studio asks: the interface is read, tasks get predictions, and a key is its password."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.errors import RequestError
from firstline.serving.access import Guard
from firstline.serving.front import Front
from firstline.serving.keyring import KeyRing
from firstline.serving.keys import add_key
from firstline.serving.label_studio import interface_of
from tests.bundles import LABELS

INTERFACE = """
<View>
  <!-- <!DOCTYPE none> -->
  <Text name="message" value="$body"/>
  <Choices name="mood" toName="message"><Choice value="good"/><Choice value="bad"/></Choices>
  <Choices name="class" toName="message" choice="single">
    <Choice value="Карта" alias="card"/><Choice value="Банкомат"/><Choice value="Другое"/>
  </Choices>
</View>
"""
TASK = {"id": 7, "data": {"body": "карта", "segment": "lead"}}
ASKED = {"tasks": [TASK], "label_config": INTERFACE}


def predictions(client: TestClient[Any], **changed: object) -> list[dict[str, Any]]:
    answer = client.post("/label-studio/predict", json={**ASKED, **changed})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def test_a_task_gets_its_likeliest_class_as_the_interface_names_it(client: TestClient[Litestar]) -> None:
    (found,) = predictions(client)
    alone = client.post("/v1/classify", json={"text": "карта", "segment": "lead"}).json()
    assert alone["label"] == "Карта"
    assert found["result"] == [
        {"from_name": "class", "to_name": "message", "type": "choices", "value": {"choices": ["card"]}}
    ]
    assert (found["score"], found["model_version"]) == (alone["confidence"], alone["model"])


def test_a_class_that_cannot_be_chosen_is_not_suggested(client: TestClient[Litestar]) -> None:
    (found,) = predictions(client, label_config=INTERFACE.replace('<Choice value="Карта" alias="card"/>', ""))
    assert found["result"][0]["value"] == {"choices": ["Банкомат"]}
    (found,) = predictions(client, label_config=INTERFACE.replace("Карта", "Map").replace("Банкомат", "Door"))
    assert (found["result"], found["score"]) == ([], 0.0)


def test_a_task_without_its_text_gets_no_result_and_the_others_do(client: TestClient[Litestar]) -> None:
    tasks = [{"data": {}}, {"data": {"body": 5}}, {"data": {"body": "карта"}}]
    assert [bool(found["result"]) for found in predictions(client, tasks=tasks)] == [False, False, True]


def test_choices_from_the_task_take_any_class() -> None:
    config = '<View><Text name="t" value="$t"/><Choices name="c" toName="t" value="$options"/></View>'
    found = interface_of(config, LABELS)
    assert found.result("Карта")[0]["value"] == {"choices": ["Карта"]}


@pytest.mark.parametrize(
    "config",
    [
        "",
        "<View>",
        "<View/>",
        '<View><Text name="t" value="$t"/><Choices name="c" toName="other"/></View>',
        '<View><Text name="t" value="t"/><Choices name="c" toName="t"/></View>',
        '<View><Text name="t" value="$t"/><Choices toName="t"/></View>',
        '<View><Image name="t" value="$t"/><Choices name="c" toName="t"/></View>',
        '<!DOCTYPE a [<!ENTITY b "c">]>' + INTERFACE,
    ],
)
def test_an_interface_for_something_else_is_refused(client: TestClient[Litestar], config: str) -> None:
    for path, field in (("setup", "schema"), ("predict", "label_config")):
        answer = client.post(f"/label-studio/{path}", json={"tasks": [TASK], field: config})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "label_config")


def test_an_interface_that_is_far_too_long_is_not_read() -> None:
    with pytest.raises(RequestError, match="it is too long"):
        interface_of(INTERFACE + " " * 200_000, LABELS)


def test_setup_names_the_model(client: TestClient[Litestar]) -> None:
    answer = client.post("/label-studio/setup", json={"project": "1.2", "schema": INTERFACE, "access_token": "x"})
    assert answer.json() == {"model_version": client.get("/health/ready").json()["model"]}
    assert client.get("/label-studio/health").json()["status"] == "UP"


def test_more_tasks_than_a_batch_are_refused(client: TestClient[Litestar]) -> None:
    answer = client.post("/label-studio/predict", json={**ASKED, "tasks": [TASK] * 4})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "batch_too_large")


def test_the_key_is_its_password_there_and_nowhere_else(app: Litestar, tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    key = add_key(file, "studio", ["classify"], None)[1]
    listed = add_key(file, "models", ["models"], None)[1]
    client = TestClient(Front(app, Guard(KeyRing(file))))

    def ask(path: str, given: str, scheme: str = "Basic") -> int:
        credentials = given if scheme == "Bearer" else b64encode(f"label-studio:{given}".encode()).decode()
        answer = client.post(path, json=ASKED, headers={"authorization": f"{scheme} {credentials}"})
        return answer.status_code

    assert ask("/label-studio/predict", key) == 200
    assert ask("/label-studio/predict", key, "Bearer") == 200
    assert ask("/label-studio/predict", key[:-1]) == 401
    assert ask("/label-studio/predict", listed) == 403
    assert ask("/v1/classify", key) == 401
    assert client.post("/label-studio/predict", json=ASKED).status_code == 401
    broken = client.post("/label-studio/predict", json=ASKED, headers={"authorization": "Basic ***"})
    assert broken.status_code == 401
    assert client.get("/label-studio/health").status_code == 200
