"""Headers that every answer of the console has, so that a browser runs and loads nothing but ours."""

from collections.abc import Callable
from typing import Any

from litestar.types import ASGIApp, Receive, Send

_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = [
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_NOT_KEPT = (b"cache-control", b"no-store")


class Shield:
    """The ASGI application around `app`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _adding(send))


def _adding(send: Send) -> Callable[[Any], Any]:
    async def send_with_headers(event: Any) -> None:
        if event["type"] == "http.response.start":
            own = [name.lower() for name, _ in event["headers"]]
            # A report on a model has its own policy, in a sandbox.
            found = [*event["headers"], *(one for one in _HEADERS if one[0] not in own)]
            if not any(name.lower() == b"cache-control" for name, _ in found):
                found.append(_NOT_KEPT)
            event["headers"] = found
        await send(event)

    return send_with_headers
