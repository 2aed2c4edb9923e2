"""Every error that leaves the service has one shape: code, message, next step. Never a stack trace."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, SerializationException

from firstline.errors import FirstlineError, RequestError
from firstline.serving.routes import route_of
from firstline.serving.schemas import ErrorAnswer, ErrorBody

_log = logging.getLogger("firstline.serving")
_BY_STATUS: dict[int, tuple[str, str, str]] = {
    404: ("not_found", "There is nothing at this address.", "The addresses are listed at /schema."),
    405: (
        "method_not_allowed",
        "This address does not accept that method.",
        "Send messages with POST; see /schema.",
    ),
    413: (
        "body_too_large",
        "The request body is too large.",
        "Send fewer messages at a time; the limit is serving.max_body_bytes.",
    ),
    415: (
        "media_type",
        "The body must be JSON in UTF-8, and not compressed.",
        "Send it with Content-Type: application/json and without Content-Encoding.",
    ),
}
_JSON_TYPES = re.compile(r"|application/(?:json|[\w.!#$&^+-]+\+json|x-www-form-urlencoded)", re.ASCII)
_FIELDS = "(?:text|segment|messages|id|inputs|outputs|name|shape|datatype|parameters|data)"
_NAMES = rf"(?:{_FIELDS}|str|int|float|bool|null|object|array)"
_PATH = rf"\$(?:\.{_FIELDS}|\[(?:\d*|\.\.\.)\])*"
_HARMLESS = re.compile(rf"(?:[\w ,:;.'\"()<>=$\[\]\-]|`{_NAMES}(?: \| {_NAMES})*`|`{_PATH}`)*", re.ASCII)
_BINARY_TYPE = "application/octet-stream"
_NO_BODY = "'data'"  # how Litestar says that the body is missing
SEE_SCHEMA = "The shape of a request is described at /schema."


def http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[ErrorAnswer]:
    """The answer to a request that the framework refuses: an unknown address, a body that breaks the schema."""
    status = error.status_code
    if status in _BY_STATUS:
        return _answer(status, *_BY_STATUS[status], headers=_with_head(error.headers or {}))
    if status >= 500 and "client disconnected" in error.detail:
        _log.info("%s: the client went away", _route(request))
        return _answer(400, "body_incomplete", "The request ended before its body did.", SEE_SCHEMA)
    if status >= 500:
        return _internal(request, error)
    details = error.extra if isinstance(error.extra, list) else []
    said = without_texts("; ".join(_sentence(item) for item in details) or _cause(error))
    if said == _NO_BODY:
        return _answer(400, "body_missing", "The request has no body.", SEE_SCHEMA)
    return _answer(400, "invalid_request", f"The request is not understood: {said}.", SEE_SCHEMA)


async def only_json(request: Request[Any, Any, Any]) -> None:
    """Refuse a body whose type is not JSON. The type that curl sends by itself, and no type, are accepted.

    Raises `HTTPException` (415).
    """
    if request.method == "POST" and (_is_encoded(request) or not _is_json(request.headers.get("content-type", ""))):
        raise HTTPException(status_code=415)


async def json_or_binary(request: Request[Any, Any, Any]) -> None:
    """As `only_json`; a body that binary data follow may also come as such. Raises `HTTPException` (415)."""
    if _is_encoded(request) or request.headers.get("content-type", "").strip().lower() != _BINARY_TYPE:
        await only_json(request)


def _is_encoded(request: Request[Any, Any, Any]) -> bool:
    return request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")


def _is_json(content_type: str) -> bool:
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = {item.partition("=")[2].strip("\"' ") for item in parameters if item.startswith("charset")}
    return charsets <= {"utf-8", "utf8", "us-ascii"} and _JSON_TYPES.fullmatch(media_type) is not None


async def no_page(response: Response[Any]) -> Response[Any]:
    """Litestar answers an unknown address below /schema with a page; here it has the shape of every error."""
    return _answer(404, *_BY_STATUS[404]) if response.media_type == MediaType.HTML else response


def _with_head(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a refusal; where GET is allowed, HEAD is, too."""
    return {
        name: f"{value}, HEAD" if name.lower() == "allow" and "GET" in value else value
        for name, value in headers.items()
    }


def own_problem(_: Request[Any, Any, Any], error: FirstlineError) -> Response[ErrorAnswer]:
    """The answer to a request that Firstline refuses."""
    if not isinstance(error, RequestError):
        return _answer(503, error.code, error.message, error.next_step)
    headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s is not None else None
    return _answer(error.status, error.code, error.message, error.next_step, headers)


def not_utf8(_: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[ErrorAnswer]:
    """A body that is not text."""
    return _answer(
        400,
        "invalid_utf8",
        f"The request body is not UTF-8: {error.reason} at byte {error.start}.",
        "Send JSON encoded as UTF-8.",
    )


def too_deep(_: Request[Any, Any, Any], error: RecursionError) -> Response[ErrorAnswer]:
    """A body of brackets within brackets."""
    return _answer(400, "invalid_request", "The request is not understood: it is nested too deeply.", SEE_SCHEMA)


def unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorAnswer]:
    """The answer to a bug in Firstline: the log has the trace, the answer does not."""
    return _internal(request, error)


def _internal(request: Request[Any, Any, Any], error: Exception) -> Response[ErrorAnswer]:
    _log.error("%s failed", _route(request), exc_info=error)
    return _answer(500, "internal", "The service failed on this request.", "Report it with the log of the service.")


def _answer(
    status: int, code: str, message: str, next_step: str, headers: dict[str, str] | None = None
) -> Response[ErrorAnswer]:
    return Response(
        ErrorAnswer(ErrorBody(code, message, next_step)),
        status_code=status,
        headers=headers or {},
        media_type="application/json",
    )


def _route(request: Request[Any, Any, Any]) -> str:
    return f"{request.method} {route_of(request.url.path)}"


def without_texts(said: str) -> str:
    """msgspec's sentence without what it quotes from the request, as in "contains unknown field `+7 ...`"."""
    if _HARMLESS.fullmatch(said):
        return said
    before = said.partition("`")[0]
    return (
        f"{before}(not shown)" if before != said and _HARMLESS.fullmatch(before) else "it is not what the schema says"
    )


def _sentence(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    message = str(item.get("message", "")).rstrip(".")
    key = item.get("key")
    if item.get("source") == "query":
        # What was sent is not repeated.
        return f"in the address, {key} is either true or false"
    return f"{key}: {message}" if key and key not in ("data", "$") else message


def _cause(error: HTTPException) -> str:
    cause = error.__cause__
    while cause is not None and isinstance(cause, SerializationException) and cause.__cause__ is not None:
        cause = cause.__cause__
    return str(cause or error.detail).rstrip(".")
