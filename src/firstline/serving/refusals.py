"""Answers that refuse a request before the application sees it."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from firstline.serving.limits import HEAD_BYTES, HEADERS, PIPELINED, URL_BYTES
from firstline.serving.schemas import ErrorAnswer, ErrorBody


@dataclass(frozen=True)
class Refusal:
    """An error in the usual shape."""

    status: int
    code: str
    message: str
    next_step: str
    retry_after_s: int | None = None
    challenge: bytes | None = None
    """The value of WWW-Authenticate."""

    @property
    def answer(self) -> ErrorAnswer:
        """The body, before it is encoded."""
        return ErrorAnswer(ErrorBody(self.code, self.message, self.next_step))

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that only this kind of error has."""
        found = [] if self.retry_after_s is None else [(b"retry-after", b"%d" % self.retry_after_s)]
        return found if self.challenge is None else [*found, (b"www-authenticate", self.challenge)]

    def encode(self, status_line: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
        """The whole answer as it is sent."""
        body = msgspec.json.encode(self.answer)
        own = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *self.headers,
        ]
        lines = [name + b": " + value + b"\r\n" for name, value in (*headers, *own)]
        return b"".join([status_line, *lines, b"\r\n", body])


class Refused(Exception):
    """Raised inside the parser's callbacks, which have no other way to stop."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


MALFORMED = Refusal(400, "malformed", "This is not HTTP/1.1.", "Send the request with an HTTP library, or with curl.")
INCOMPLETE = Refusal(
    400, "body_incomplete", "The request ended before it was complete.", "Check Content-Length, and send it again."
)
HOST_UNCLEAR = Refusal(400, "host", "The request needs exactly one Host header.", "Send the address as Host.")
VERSION_UNKNOWN = Refusal(400, "http_version", "The service speaks HTTP/1.1 and HTTP/1.0.", "Send the request as one.")
NO_TUNNEL = Refusal(
    400, "no_tunnel", "The service speaks neither WebSocket nor CONNECT.", "Ask with POST; see /schema."
)
TOO_MANY_PIPELINED = Refusal(
    400,
    "too_many_pipelined",
    f"More than {PIPELINED} requests wait on this connection.",
    "Read the answers before you send more.",
)
TOO_SLOW = Refusal(
    408,
    "too_slow",
    "The request was not complete in time.",
    "Send it faster; the limits are serving.header_timeout_s and serving.body_timeout_s.",
)
HEAD_TOO_LARGE = Refusal(
    431,
    "headers_too_large",
    f"The request line and the headers have more than {HEAD_BYTES:,} bytes or {HEADERS} headers.",
    "Send the message in the body.",
)
URL_TOO_LONG = Refusal(
    414, "address_too_long", f"The address has more than {URL_BYTES:,} bytes.", "Send the message in the body."
)
TOO_MANY_CONNECTIONS = Refusal(
    503,
    "too_many_connections",
    "All connections of the service are in use.",
    "Try again; the limit is serving.max_connections.",
    retry_after_s=1,
)
TOO_MANY_BODIES = Refusal(
    503, "too_busy", "The service holds too many unanswered requests.", "Send the request again.", retry_after_s=1
)
STOPPING = Refusal(503, "stopping", "The service is stopping.", "Send the request again.", retry_after_s=5)
HOST_UNKNOWN = Refusal(
    421,
    "host_unknown",
    "The service does not answer under the name in the Host header.",
    "Ask for it by its address, or add the name to serving.hosts.",
)
KEY_MISSING = Refusal(
    401,
    "key_missing",
    "The request has no API key.",
    "Send the header Authorization: Bearer KEY; `firstline keys add` makes a key.",
    challenge=b"Bearer",
)
KEY_UNKNOWN = Refusal(
    401,
    "key_unknown",
    "The API key is unknown or was revoked.",
    "Check that it was copied whole; `firstline keys add` makes a new one.",
    challenge=b'Bearer error="invalid_token"',
)


def scope_missing(scope: str) -> Refusal:
    """The key is known, and does not allow this."""
    return Refusal(
        403,
        "key_scope",
        f"The API key does not have the scope '{scope}', which this address needs.",
        f"Use a key that has it: firstline keys add NAME --scope {scope}",
        challenge=b'Bearer error="insufficient_scope", scope="%s"' % scope.encode(),
    )


def rate_limited(retry_after_s: int) -> Refusal:
    """The key has used up its requests."""
    return Refusal(
        429,
        "rate_limited",
        "The API key has used up its requests per minute.",
        "Send fewer requests, several messages in each: /v1/classify/batch.",
        retry_after_s=retry_after_s,
    )
