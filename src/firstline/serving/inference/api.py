"""The addresses of the protocol and their handlers."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, JSONBody

from firstline import __version__
from firstline.errors import RequestError
from firstline.serving.batches import Batches
from firstline.serving.current import Current
from firstline.serving.exchange import exchange_of
from firstline.serving.inference.answering import TensorBatch, encode
from firstline.serving.inference.protocol import (
    MODEL,
    InferRequest,
    InferResponse,
    ModelMetadata,
    ModelReady,
    ProtocolError,
    ServerLive,
    ServerMetadata,
    ServerReady,
    metadata_of,
)
from firstline.serving.inference.reading import TensorBody, messages_of, outputs_of, split
from firstline.serving.problems import json_or_binary
from firstline.serving.schemas import Answer
from firstline.serving.singles import Singles

_AT = f"/v2/models/{MODEL}"
_VERSION_AT = _AT + "/versions/{version:str}"
_UNKNOWN = ResponseSpec(ProtocolError, description="This version does not serve.")
_REFUSALS = {
    400: ResponseSpec(ProtocolError, description="The request or its tensors are not what the protocol says."),
    413: ResponseSpec(ProtocolError, description="The body, a text or the batch is too large."),
    415: ResponseSpec(ProtocolError, description="The body is compressed, or of another type."),
    422: ResponseSpec(ProtocolError, description="A text is empty."),
    503: ResponseSpec(ProtocolError, description="No usable scores for a text, or too many requests are waiting."),
}


@get("/v2", sync_to_thread=False)
def server_metadata() -> ServerMetadata:
    """The service's version, and which extensions of the protocol it has."""
    return ServerMetadata("firstline", __version__, ["binary_tensor_data"])


@get("/v2/health/live", sync_to_thread=False)
def server_live() -> ServerLive:
    """Whether the process answers at all."""
    return ServerLive(True)


@get("/v2/health/ready", sync_to_thread=False)
def server_ready() -> ServerReady:
    """Whether a model is loaded: the service answers only then."""
    return ServerReady(True)


@get(_AT, sync_to_thread=False)
def model_metadata(state: State) -> ModelMetadata:
    """The inputs and outputs of the model that serves."""
    return _metadata(state, None)


@get(_VERSION_AT, sync_to_thread=False, responses={404: _UNKNOWN})
def version_metadata(state: State, version: FromPath[str]) -> ModelMetadata:
    """The inputs and outputs of this version of the model."""
    return _metadata(state, version)


@get(f"{_AT}/ready", sync_to_thread=False)
def model_ready() -> ModelReady:
    """Whether the model serves."""
    return ModelReady(MODEL, True)


@get(f"{_VERSION_AT}/ready", sync_to_thread=False, responses={404: _UNKNOWN})
def version_ready(state: State, version: FromPath[str]) -> ModelReady:
    """Whether this version of the model serves."""
    current: Current = state.current
    _check_version(version, current.service.model)
    return ModelReady(MODEL, True)


@post(
    f"{_AT}/infer",
    status_code=200,
    dto=TensorBody[InferRequest],
    return_dto=None,
    before_request=json_or_binary,
    responses=_REFUSALS,
)
async def infer(data: JSONBody[InferRequest], request: Request[Any, Any, Any], state: State) -> Response[InferResponse]:
    """Classify messages. If a message has no answer, the whole request fails."""
    return await _infer(data, request, state, None)


@post(
    f"{_VERSION_AT}/infer",
    status_code=200,
    dto=TensorBody[InferRequest],
    return_dto=None,
    before_request=json_or_binary,
    responses={**_REFUSALS, 404: _UNKNOWN},
)
async def infer_by_version(
    data: JSONBody[InferRequest], request: Request[Any, Any, Any], state: State, version: FromPath[str]
) -> Response[InferResponse]:
    """Classify messages with this version of the model, or refuse them if another serves."""
    return await _infer(data, request, state, version)


HANDLERS: list[BaseRouteHandler] = [
    server_metadata,
    server_live,
    server_ready,
    model_metadata,
    version_metadata,
    model_ready,
    version_ready,
    infer,
    infer_by_version,
]


def _metadata(state: State, version: str | None) -> ModelMetadata:
    current: Current = state.current
    manifest = current.service.predictor.manifest
    _check_version(version, manifest.id)
    return metadata_of(manifest.id, len(manifest.labels))


async def _infer(
    data: InferRequest, request: Request[Any, Any, Any], state: State, version: str | None
) -> Response[Any]:
    current: Current = state.current
    _check_version(version, current.service.model)
    outputs = outputs_of(data)
    _, binary = split(await request.body(), request.headers)
    messages = messages_of(data, binary, current.service.limits)
    exchange = exchange_of(request.scope)
    answers: Sequence[Answer]
    if len(messages) == 1:
        singles: Singles = state.singles
        answers = [await singles.answer(messages[0], exchange)]
        _check_version(version, answers[0].model)
        tensors = encode(answers, outputs, data.id)
    else:
        batches: Batches = state.batches
        check = partial(_check_version, version)
        gathering = partial(TensorBatch, outputs=outputs, request_id=data.id, check_version=check)
        done = await batches.gather(messages, gathering, request.receive)
        answers, tensors = done.answers, done.tensors
    if exchange is not None:
        exchange.model = answers[0].model
        exchange.answers += [(answer.label, answer.decision) for answer in answers]
    return tensors.response()


def _check_version(version: str | None, serving: str) -> None:
    """Raises `RequestError` (404) if another version was asked for than the one that serves."""
    if version not in (None, serving):
        raise RequestError(
            "model_not_found",
            "This version of the model does not serve.",
            f"The version that serves is told by GET {_AT}.",
            status=404,
        )
