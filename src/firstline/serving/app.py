"""The HTTP API: its addresses and their handlers."""

from typing import Annotated, Any, Literal

from litestar import Litestar, MediaType, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import JSONBody, QueryParameter

from firstline import __version__
from firstline.errors import FirstlineError
from firstline.serving.batches import Batches
from firstline.serving.bodies import BatchBody, JsonBody
from firstline.serving.current import Current
from firstline.serving.exchange import exchange_of
from firstline.serving.inference.api import HANDLERS
from firstline.serving.inference.errors import as_address_expects
from firstline.serving.label_studio import HANDLERS as LABEL_STUDIO
from firstline.serving.metrics import CONTENT_TYPE, Metrics
from firstline.serving.problems import http_problem, not_utf8, only_json, own_problem, too_deep, unforeseen
from firstline.serving.schemas import (
    Answer,
    BatchAnswers,
    BatchMessage,
    BatchRequest,
    ClassifyRequest,
    ErrorAnswer,
    ErrorBody,
    Health,
    Models,
)
from firstline.serving.singles import Singles
from firstline.settings.model import ServingSettings

_REFUSED = ResponseSpec(ErrorAnswer, description="The request is not what the schema says.")
_NOT_JSON = ResponseSpec(ErrorAnswer, description="The body is compressed, or of another type than JSON.")
_TOO_LARGE = ResponseSpec(ErrorAnswer, description="The body, the text or the batch is too large.")
_EMPTY = ResponseSpec(ErrorAnswer, description="The text is empty.")
_BUSY = ResponseSpec(ErrorAnswer, description="Too many batches are waiting already: try again after `Retry-After`.")
_UNABLE = ResponseSpec(
    ErrorAnswer,
    description="The model gives no usable scores for this text, or too many requests are waiting already.",
)
Explain = Annotated[
    Literal["true", "false"], QueryParameter(description="Whether to tell which words carried the answer.")
]


@post(
    "/v1/classify",
    status_code=200,
    dto=JsonBody[ClassifyRequest],
    return_dto=None,
    responses={400: _REFUSED, 413: _TOO_LARGE, 415: _NOT_JSON, 422: _EMPTY, 503: _UNABLE},
)
async def classify(
    data: JSONBody[ClassifyRequest], request: Request[Any, Any, Any], state: State, explain: Explain = "false"
) -> Answer:
    """Classify one message; with `explain=true`, tell which words carried the answer."""
    exchange = exchange_of(request.scope)
    if explain == "true":
        batches: Batches = state.batches
        answer = await batches.explain(data, request.receive)
    else:
        singles: Singles = state.singles
        answer = await singles.answer(data, exchange)
    if exchange is not None:
        exchange.model = answer.model
        exchange.answers.append((answer.label, answer.decision))
    return answer


@post(
    "/v1/classify/batch",
    status_code=200,
    dto=BatchBody[BatchRequest],
    return_dto=None,
    responses={400: _REFUSED, 413: _TOO_LARGE, 415: _NOT_JSON, 503: _BUSY},
)
async def classify_batch(
    data: JSONBody[BatchRequest], request: Request[Any, Any, Any], state: State
) -> Response[BatchAnswers]:
    """Classify several messages; each answer has the id of its message."""
    batches: Batches = state.batches
    encoded: Any = await batches.answer(data.messages, request.receive, exchange_of(request.scope))
    return Response(encoded, media_type=MediaType.JSON)


@get("/v1/models", sync_to_thread=True)
def models(state: State) -> Models:
    """The models of the workspace; one of them is serving."""
    current: Current = state.current
    return current.service.list_models()


@get("/health/live", sync_to_thread=False)
def live() -> Health:
    """Whether the process answers at all."""
    return Health("live")


@get("/health/ready", sync_to_thread=False)
def ready(state: State) -> Health:
    """Which model serves; `refused` if another was promoted and does not load."""
    current: Current = state.current
    refused = current.refused
    # Anyone may ask: the error itself names files.
    why = None if refused is None else ErrorBody(refused.code, "Another model is refused.", "The log says why.")
    return Health("ready", current.service.model, why)


@get("/metrics", sync_to_thread=True, media_type=CONTENT_TYPE)
def metrics(state: State) -> Response[bytes]:
    """Figures for Prometheus, in its text format."""
    figures: Metrics = state.metrics
    return Response(figures.told())


def create_app(current: Current, figures: Metrics | None = None) -> Litestar:
    """The application around what serves; `figures` are those of its requests."""
    limits = current.service.limits
    handlers: dict[Any, Any] = {
        HTTPException: as_address_expects(http_problem),
        FirstlineError: as_address_expects(own_problem),
        UnicodeDecodeError: as_address_expects(not_utf8),
        RecursionError: as_address_expects(too_deep),
        Exception: as_address_expects(unforeseen),
    }
    batches, singles = Batches(current), Singles(current)
    figures = Metrics(current) if figures is None else figures
    figures.gauge(
        "firstline_waiting_messages", "Single messages that wait for their turn.", lambda: singles.n_waiting, "livesum"
    )
    figures.gauge(
        "firstline_unanswered_batches",
        "Batches and explanations that are computed or wait.",
        lambda: batches.n_unanswered,
        "livesum",
    )
    app = Litestar(
        [classify, classify_batch, models, live, ready, metrics, *HANDLERS, *LABEL_STUDIO],
        state=State({"current": current, "batches": batches, "singles": singles, "metrics": figures}),
        exception_handlers=handlers,
        before_request=only_json,
        request_max_body_size=limits.max_body_bytes,
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
    _tell_limits(app, limits)
    return app


def _tell_limits(app: Litestar, limits: ServingSettings) -> None:
    """Add to the schema what is refused later: unknown fields, which Litestar does not mention, and the limits.

    Limits are described in words, because a longer text gets 413, which checks against a schema do not expect.
    """
    schemas: dict[str | None, Any] = {schema.title: schema for schema in app.openapi_schema.components.schemas.values()}
    for kind in (ClassifyRequest, BatchRequest, BatchMessage):
        schemas[kind.__name__].additional_properties = False
    for kind in (ClassifyRequest, BatchMessage):
        text = schemas[kind.__name__].properties["text"]
        text.min_length = 1
        text.description = f"{text.description} At most {limits.max_text_chars:,} characters (413)."
    messages = schemas[BatchRequest.__name__].properties["messages"]
    messages.description = f"At most {limits.max_batch:,} (413)."
