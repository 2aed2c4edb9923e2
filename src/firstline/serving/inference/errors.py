"""Errors of the protocol: its clients expect `error` to be a string, and some fail on anything else."""

from collections.abc import Callable
from typing import Any, TypeVar

from litestar import Request, Response

from firstline.serving.inference.protocol import MODEL, ProtocolError
from firstline.serving.schemas import ErrorAnswer, ErrorBody

E = TypeVar("E", bound=Exception)
CODE_HEADER = "x-error-code"
"""Has the stable code of an error."""


def speaks_protocol(path: str) -> bool:
    """Whether an address belongs to the protocol, also if the service does not have it."""
    return path == "/v2" or path.startswith("/v2/")


def _names_another_model(path: str) -> bool:
    below, _, rest = path.partition("/v2/models/")
    return not below and rest.partition("/")[0] not in ("", MODEL)


def as_string(error: ErrorBody) -> ProtocolError:
    """The error's sentence and its next step."""
    return ProtocolError(f"{error.message} {error.next_step}")


def as_address_expects(
    answer: Callable[[Request[Any, Any, Any], E], Response[ErrorAnswer]],
) -> Callable[[Request[Any, Any, Any], E], Response[Any]]:
    """`answer`, with its error as a string if the address belongs to the protocol."""

    def answer_in_shape(request: Request[Any, Any, Any], error: E) -> Response[Any]:
        response = answer(request, error)
        if not speaks_protocol(request.scope["path"]):
            return response
        told = response.content.error
        if told.code == "not_found" and _names_another_model(request.scope["path"]):
            told = ErrorBody(told.code, "There is no model of this name.", f"The model is called {MODEL}.")
        return Response(
            as_string(told),
            status_code=response.status_code,
            headers={**response.headers, CODE_HEADER: told.code},
            media_type="application/json",
        )

    return answer_in_shape
