"""Label Studio's ML backend: it asks for the likely class of each task before a person labels it.

The protocol is that of label_studio/ml/api_connector.py in Label Studio 1.23: `/health`, `/setup`, `/predict`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from xml.etree import ElementTree

import msgspec
from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody

from firstline.errors import RequestError
from firstline.serving.batches import Batches
from firstline.serving.bodies import JsonBody
from firstline.serving.current import Current
from firstline.serving.exchange import exchange_of
from firstline.serving.routes import LABEL_STUDIO
from firstline.serving.schemas import BatchAnswer, ErrorAnswer
from firstline.serving.service import Service

_MOST_CONFIG_CHARS = 200_000
_SEGMENT = "segment"
_SETUP = {
    400: ResponseSpec(ErrorAnswer, description="The request is not what the schema says."),
    415: ResponseSpec(ErrorAnswer, description="The body is compressed, or of another type than JSON."),
    422: ResponseSpec(ErrorAnswer, description="The labelling interface is not one for text classification."),
}
_PREDICT = {
    **_SETUP,
    413: ResponseSpec(ErrorAnswer, description="The body or the batch is too large."),
    503: ResponseSpec(ErrorAnswer, description="Too many batches are waiting already."),
}


class SetupRequest(msgspec.Struct):
    """What Label Studio sends when a project is connected; `schema` is its labelling interface in XML."""

    schema: str = ""


class PredictRequest(msgspec.Struct):
    """Tasks whose `data` hold the message, under a name that the labelling interface has."""

    tasks: list["Task"]
    label_config: str = ""


class Task(msgspec.Struct):
    """One message, and its segment if the project has one."""

    data: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Interface:
    """Where a labelling interface has the message, and what it lets people choose.

    `choices` has the value in a result for each class that can be chosen; None if the tasks bring their own choices.
    """

    text: str
    from_name: str
    to_name: str
    choices: dict[str, str] | None

    def result(self, label: str) -> list[dict[str, object]]:
        """An answer as Label Studio has annotations."""
        chosen = label if self.choices is None else self.choices[label]
        value = {"choices": [chosen]}
        return [{"from_name": self.from_name, "to_name": self.to_name, "type": "choices", "value": value}]


def interface_of(config: str, labels: Sequence[str]) -> Interface:
    """Read a labelling interface; of several `Choices`, that with most of the model's `labels`.

    Raises `RequestError` (422) if it is no XML, or has no `Choices` about a `Text`.
    """
    if len(config) > _MOST_CONFIG_CHARS or "<!" in re.sub(r"<!--.*?-->", "", config, flags=re.DOTALL):
        raise _unusable("it is too long, or has a document type")
    try:
        elements = list(ElementTree.fromstring(config).iter())  # noqa: S314
    except ElementTree.ParseError:
        raise _unusable("it is not XML") from None
    texts = {one.get("name", ""): one.get("value", "") for one in elements if one.tag == "Text"}
    found = [_interface(one, texts) for one in elements if one.tag == "Choices" and one.get("toName") in texts]
    usable = [one for one in found if one is not None]
    if not usable:
        raise _unusable('it has no <Choices> whose toName is a <Text> with a value such as "$text"')
    return max(usable, key=lambda one: len(set(labels) & set(one.choices if one.choices is not None else labels)))


def _interface(choices: ElementTree.Element, texts: dict[str, str]) -> Interface | None:
    to_name = choices.get("toName", "")
    field = texts[to_name]
    if not field.startswith("$") or not choices.get("name"):
        return None
    named = ((one.get("value", ""), one.get("alias", "")) for one in choices.iter("Choice"))
    offered = {value: alias or value for value, alias in named if value}
    return Interface(field[1:], choices.get("name", ""), to_name, None if choices.get("value") else offered)


def _unusable(why: str) -> RequestError:
    return RequestError(
        "label_config",
        f"The labelling interface cannot be used: {why}.",
        "Use an interface for text classification; docs/label-studio.md has one.",
        status=422,
    )


class _Predictions:
    """Predictions for the tasks of one request, as far as they are computed."""

    def __init__(self, service: Service, config: str) -> None:
        self.service = service
        self.interface = interface_of(config, service.predictor.manifest.labels)
        self.answers: list[BatchAnswer] = []
        self.results: list[dict[str, object]] = []

    def add(self, part: Sequence[Task]) -> None:
        answers = self.service.classify_texts([_message(task, self.interface.text) for task in part])
        self.answers += answers
        self.results += [self._prediction(answer) for answer in answers]

    def finish(self) -> None:
        pass

    def _prediction(self, answer: BatchAnswer) -> dict[str, object]:
        """The likeliest class that can be chosen; a task that cannot be answered gets no result."""
        offered = self.interface.choices
        for one in answer.ranking or ():
            if offered is None or one.label in offered:
                found = self.interface.result(one.label)
                return {"result": found, "score": one.confidence, "model_version": self.service.model}
        return {"result": [], "score": 0.0, "model_version": self.service.model}


def _message(task: Task, name: str) -> tuple[str, str | None]:
    text, segment = task.data.get(name), task.data.get(_SEGMENT)
    return text if isinstance(text, str) else "", segment if isinstance(segment, str) else None


@get(f"{LABEL_STUDIO}/health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Whether the service answers."""
    return {"status": "UP", "model_class": "Firstline"}


@post(f"{LABEL_STUDIO}/setup", status_code=200, dto=JsonBody[SetupRequest], return_dto=None, responses=_SETUP)
async def setup(data: JSONBody[SetupRequest], state: State) -> dict[str, str]:
    """Check the labelling interface, and name the model."""
    current: Current = state.current
    interface_of(data.schema, current.service.predictor.manifest.labels)
    return {"model_version": current.service.model}


@post(f"{LABEL_STUDIO}/predict", status_code=200, dto=JsonBody[PredictRequest], return_dto=None, responses=_PREDICT)
async def predict(
    data: JSONBody[PredictRequest], request: Request[Any, Any, Any], state: State
) -> Response[dict[str, object]]:
    """Classify tasks; they are not recorded."""
    batches: Batches = state.batches
    done = await batches.gather(data.tasks, partial(_Predictions, config=data.label_config), request.receive)
    exchange = exchange_of(request.scope)
    if exchange is not None:
        exchange.model = done.service.model
        answered = [(one.label, one.decision) for one in done.answers]
        exchange.answers += [(label, decision) for label, decision in answered if label and decision]
        exchange.n_failed = len(answered) - len(exchange.answers)
    return Response({"results": done.results, "model_version": done.service.model})


HANDLERS: list[BaseRouteHandler] = [health, setup, predict]
