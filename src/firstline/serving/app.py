"""The HTTP API: addresses, and what each is handed."""

import logging
from typing import Any

from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import JSONBody

from firstline import __version__
from firstline.errors import FirstlineError, trace_of
from firstline.serving.problems import http_problem, no_page, not_utf8, only_json, own_problem, too_deep, unforeseen
from firstline.serving.schemas import (
    Answer,
    BatchAnswers,
    BatchMessage,
    BatchRequest,
    ClassifyRequest,
    ErrorAnswer,
    Health,
    Models,
)
from firstline.serving.service import Service

_REFUSED = ResponseSpec(ErrorAnswer, description="The request is not what the schema says.")
_NOT_JSON = ResponseSpec(ErrorAnswer, description="The body is compressed, or of another type than JSON.")
_TOO_LARGE = ResponseSpec(ErrorAnswer, description="The body, the text or the batch is too large.")
_EMPTY = ResponseSpec(ErrorAnswer, description="The text is empty.")


@post(
    "/v1/classify",
    status_code=200,
    sync_to_thread=False,
    responses={400: _REFUSED, 413: _TOO_LARGE, 415: _NOT_JSON, 422: _EMPTY},
)
def classify(data: JSONBody[ClassifyRequest], state: State) -> Answer:
    """Classify one message."""
    service: Service = state.service
    return service.classify(data.text, data.segment)


@post(
    "/v1/classify/batch",
    status_code=200,
    sync_to_thread=True,
    responses={400: _REFUSED, 413: _TOO_LARGE, 415: _NOT_JSON},
)
def classify_batch(data: JSONBody[BatchRequest], state: State) -> BatchAnswers:
    """Classify several messages; each answer bears the id of its message."""
    service: Service = state.service
    return service.classify_batch(data.messages)


@get("/v1/models", sync_to_thread=True)
def models(state: State) -> Models:
    """The models of the workspace; one of them is serving."""
    service: Service = state.service
    return service.list_models()


@get("/health/live", sync_to_thread=False)
def live() -> Health:
    """Whether the process answers at all."""
    return Health("live")


@get("/health/ready", sync_to_thread=False)
def ready(state: State) -> Health:
    """Whether a model is loaded, and which."""
    service: Service = state.service
    return Health("ready", service.model)


def create_app(service: Service) -> Litestar:
    """The application around a loaded service."""
    handlers: dict[Any, Any] = {
        HTTPException: http_problem,
        FirstlineError: own_problem,
        UnicodeDecodeError: not_utf8,
        RecursionError: too_deep,
        Exception: unforeseen,
    }
    app = Litestar(
        [classify, classify_batch, models, live, ready],
        state=State({"service": service}),
        exception_handlers=handlers,
        before_request=only_json,
        after_request=no_page,
        request_max_body_size=service.limits.max_body_bytes,
        openapi_config=OpenAPIConfig(
            title="Firstline",
            version=__version__,
            description="Sorts support messages into the team's own classes.",
            path="/schema",
            render_plugins=[JsonRenderPlugin(path=["/", "/openapi.json"], media_type="application/json")],  # type: ignore[arg-type]
        ),
        logging_config=None,
        debug=False,
    )
    _refuse_unknown_fields(app)
    return app


def _refuse_unknown_fields(app: Litestar) -> None:
    """Say in the schema, too, that requests take no other fields: Litestar leaves that out for msgspec."""
    for schema in app.openapi_schema.components.schemas.values():
        if schema.title in {item.__name__ for item in (ClassifyRequest, BatchRequest, BatchMessage)}:
            schema.additional_properties = False


def quiet_logging() -> None:
    """Log to standard error, without texts of messages."""
    to_stderr = logging.StreamHandler()
    to_stderr.setFormatter(WithoutTexts("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[to_stderr])


class WithoutTexts(logging.Formatter):
    """Writes where an error happened, without its own text: that may quote a message."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 (its name in the standard library)
        return trace_of(ei[1]) if ei[1] is not None else ""
