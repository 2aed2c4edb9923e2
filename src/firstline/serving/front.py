"""What stands before the application: each request gets an id, may be refused, and is observed."""

import re
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any, Protocol

import msgspec
from litestar.types import ASGIApp, Receive, Send

from firstline.serving.exchange import Exchange, begin
from firstline.serving.inference.errors import CODE_HEADER, as_string, speaks_protocol
from firstline.serving.refusals import Refusal
from firstline.serving.routes import route_of

_OWN_ID = re.compile(rb"[\w-]{1,64}", re.ASCII)
_ID_HEADER = b"x-request-id"


class Access(Protocol):
    """Decides who may send a request."""

    def refusal(self, scope: Mapping[str, Any], exchange: Exchange) -> Refusal | None:
        """Why a request is refused; None if it is let through. Names the key in `exchange`."""


Observer = Callable[[Exchange], None]
"""Called once for each request, when its answer has been handed over or its client has gone. It must not wait."""


class Front:
    """The ASGI application around `app`. HEAD asks for the headers of GET; uvicorn leaves the body out.

    `route_of` gives the address of a path without what a client may put into it.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access | None = None,
        observer: Observer | None = None,
        route_of: Callable[[str], str] = route_of,
    ) -> None:
        self._app = app
        self._access = access
        self._observe = observer
        self._route_of = route_of

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(_request_id(scope), scope["method"], self._route_of(scope["path"]))
        begin(scope, exchange)
        own_header = (_ID_HEADER, exchange.request_id.encode())

        async def send_observed(event: Any) -> None:
            if event["type"] == "http.response.start":
                exchange.status = event["status"]
                event["headers"] = [*event["headers"], own_header]
            await send(event)

        try:
            refusal = self._access.refusal(scope, exchange) if self._access is not None else None
            if refusal is not None:
                exchange.error = refusal.code
                await _send_refusal(refusal, scope["path"], send_observed)
                return
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}
            await self._app(scope, receive, send_observed)
        finally:
            if self._observe is not None:
                self._observe(exchange)


def _request_id(scope: Mapping[str, Any]) -> str:
    """The client's own id if it is harmless, else a new one of 16 hexadecimal digits."""
    for name, value in scope["headers"]:
        if name == _ID_HEADER and _OWN_ID.fullmatch(value):
            return str(value, "ascii")
    return token_hex(8)


async def _send_refusal(refusal: Refusal, path: str, send: Callable[[Any], Any]) -> None:
    is_protocol = speaks_protocol(path)
    body = msgspec.json.encode(as_string(refusal.answer.error) if is_protocol else refusal.answer)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *refusal.headers]
    if is_protocol:
        headers.append((CODE_HEADER.encode(), refusal.code.encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
