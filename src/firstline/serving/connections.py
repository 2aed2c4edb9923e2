"""One HTTP connection: uvicorn's protocol, with bounds on what a client sends, how long it takes and what it leaves.

A connection is idle, receives a head, receives a body, or is answered. `check`, called twice a
second by the server, ends what takes too long: a sweep over all connections costs a request nothing.
"""

import asyncio
import socket
import struct
from enum import Enum
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from firstline.serving import refusals
from firstline.serving.exchange import exchange_of
from firstline.serving.limits import (
    DROPPED_BYTES,
    HEAD_BYTES,
    HEADERS,
    LINGER_S,
    PIPELINED,
    SPARE,
    URL_BYTES,
    ConnectionLimits,
)
from firstline.serving.refusals import Refusal, Refused

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_ASK_AFTER_S = 0.25
_SILENT_S = 1.0
_ON_ITS_WAY_S = 0.2
_NO_LINGER = struct.pack("ii", 1, 0)


class Phase(Enum):
    """The state of a connection's newest request."""

    IDLE = 1
    HEAD = 2
    BODY = 3
    ANSWER = 4


class Connection(HttpToolsProtocol):
    """A connection of `firstline serve`."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self.limits = limits
        self.phase = Phase.IDLE
        self.since = self.heard = self.loop.time()  # when this phase began; when the last byte came
        self.was_answered = False
        self.is_ending = False  # the service stops: this request is the last
        self._held_bytes = 0  # received, and not yet handed on by the parser
        self._head_bytes = 0
        self._body_bytes = 0  # of requests that are not answered
        self._refusal: Refusal | None = None
        self._client_ended = False
        self._running: RequestResponseCycle | None = None
        self._unsent_bytes = 0
        self._fetched = self._fetching_since = self.since  # by the client, of its answer

    @property
    def is_in_hand(self) -> bool:
        """Whether the client is still due an answer."""
        running = self._running
        return bool(self.pipeline) or not (running is None or running.response_complete or running.disconnected)

    # What the transport calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        # uvicorn tells the newest request alone, and the one before it would write to nobody.
        self.pipeline.clear()
        self._free_bodies()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
            exchange = exchange_of(dict(self._running.scope))
            if exchange is not None:
                exchange.is_gone = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            self._drop(len(data))
            return
        self.heard = self.loop.time()
        self._unset_keepalive_if_required()
        self._held_bytes += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self.refuse(cause.refusal if isinstance(cause, Refused) else refusals.MALFORMED)
        else:
            if self._held_bytes > HEAD_BYTES:
                self.refuse(refusals.HEAD_TOO_LARGE)

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more; True keeps its answer coming, except over TLS, which ends both directions."""
        self._client_ended = True
        if self.phase in (Phase.HEAD, Phase.BODY):
            self.refuse(refusals.INCOMPLETE)
        if not self.transport.can_write_eof():
            return False
        if self.is_in_hand:
            self.loop.call_later(_ASK_AFTER_S, self._look_whether_gone)
        return self.is_in_hand

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.phase, self.since = Phase.HEAD, self.heard
        self._held_bytes = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)
        if len(self.url) > URL_BYTES:
            raise Refused(refusals.URL_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        if len(self.headers) >= HEADERS:
            raise Refused(refusals.HEAD_TOO_LARGE)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and not self._is_other_upgrade():
            raise Refused(refusals.NO_TUNNEL)
        if self.parser.should_upgrade():
            return  # `_feed` gives the request to a parser that does not know of it
        self._check_head()
        super().on_headers_complete()
        self.phase, self.since = Phase.BODY, self.heard
        if self.is_ending:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._held_bytes = 0
        if self.is_in_hand:
            self._body_bytes += len(body)
            self.limits.held_bytes += len(body)
            if self.limits.held_bytes > self.limits.bodies_bytes:
                raise Refused(refusals.TOO_MANY_BODIES)
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._held_bytes = 0
        self.phase = Phase.ANSWER if self.is_in_hand else Phase.IDLE
        self.since = self.heard
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.was_answered = True
        self._fetching_since = self.loop.time()
        if self.is_in_hand:
            return
        self._free_bodies()
        if self._refusal is not None:
            self._send_refusal()
        elif self._client_ended:
            self.transport.close()
        elif self.phase is Phase.ANSWER:
            self.phase, self.since = Phase.IDLE, self._fetching_since

    # What the server calls

    def check(self, now: float) -> None:
        """End a request or an answer that takes too long. `now` is the loop's time."""
        if self._is_not_fetched(now):
            self.reset()
        elif self.transport.is_closing() or self._refusal is not None:
            return
        elif self.flow.read_paused:  # it is the service that does not read
            self.since = self.heard = now
        elif self.phase is Phase.IDLE:
            if now - self.since > (self.limits.idle_timeout_s if self.was_answered else self.limits.header_timeout_s):
                self.transport.close()
        elif self.phase is Phase.HEAD:
            if now - self.since > self.limits.header_timeout_s:
                self.refuse(refusals.TOO_SLOW)
        elif self.phase is Phase.BODY and (
            now - self.heard > self.limits.header_timeout_s or now - self.since > self.limits.body_timeout_s
        ):
            self.refuse(refusals.TOO_SLOW)

    def can_be_spared(self, now: float) -> bool:
        """Whether its place may be given to another: it has sent no whole request, and nothing for a while."""
        if self.transport.is_closing() or self.was_answered:
            return False
        if self.phase is Phase.BODY:
            return now - self.heard > _SILENT_S and not self.pipeline
        return self.phase is not Phase.ANSWER and not self.is_in_hand

    def shutdown(self) -> None:
        """Answer complete requests, wait a little for half-sent ones, and close all others."""
        self.is_ending = True
        if self.phase is Phase.IDLE and self.was_answered and not self.is_in_hand:
            # A request that is on its way would be lost.
            self.loop.call_later(_ON_ITS_WAY_S, self._shut_if_idle)
        elif self.phase is not Phase.HEAD:
            super().shutdown()

    def give_up(self) -> None:
        """Refuse a half-sent request when the service stops."""
        if self.phase in (Phase.HEAD, Phase.BODY):
            self.refuse(refusals.STOPPING)

    def reset(self) -> None:
        """Close at once and drop what the client has not read, also in the kernel."""
        connected: socket.socket = self.transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def refuse(self, refusal: Refusal) -> None:
        """Answer the newest request with a refusal, after the answers before it; drop what else comes; close."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._refusal = refusal
        self.limits.refused[refusal.code] += 1
        cycle, owes = self.cycle, self.is_in_hand
        if owes and cycle.more_body:  # it is the one that is refused
            owes = any(waiting is cycle for waiting, _ in self.pipeline)
            if owes:
                self.pipeline.popleft()  # the newest is on the left
            cycle.disconnected = True
            cycle.message_event.set()
        if not owes:
            self._free_bodies()
            self._send_refusal()

    # Inside

    def _shut_if_idle(self) -> None:
        if self.phase is Phase.IDLE and not self.is_in_hand and not self.transport.is_closing():
            super().shutdown()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            # Java's client offers h2c with its first request, and the parser would take the body for
            # the new protocol's: the same head without the offer, for a parser of its own.
            head = [self.parser.get_method(), b" ", self.url, b" HTTP/1.1\r\n"]
            for name, value in self.headers:
                if name not in (b"upgrade", b"connection", b"http2-settings"):
                    head += [name, b": ", value, b"\r\n"]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.feed_data(b"".join([*head, b"\r\n"]))
            self._feed(data[upgrade.args[0] :])

    def _free_bodies(self) -> None:
        self.limits.held_bytes -= self._body_bytes
        self._body_bytes = 0

    def _drop(self, n_bytes: int) -> None:
        """Forget what follows a refusal; if a client sends a lot, stop reading."""
        self._held_bytes += n_bytes
        if self._held_bytes > DROPPED_BYTES:
            self.flow.pause_reading()

    def _is_other_upgrade(self) -> bool:
        return self.parser.get_method() != b"CONNECT" and self._get_upgrade() != b"websocket"

    def _count(self, n_bytes: int) -> None:
        self._head_bytes += n_bytes
        if self._head_bytes > HEAD_BYTES:
            raise Refused(refusals.HEAD_TOO_LARGE)

    def _check_head(self) -> None:
        version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise Refused(refusals.VERSION_UNKNOWN)
        n_hosts = sum(name == b"host" for name, _ in self.headers)
        if n_hosts > 1 or (n_hosts == 0 and version == "1.1"):
            raise Refused(refusals.HOST_UNCLEAR)
        if len(self.pipeline) >= PIPELINED:
            raise Refused(refusals.TOO_MANY_PIPELINED)

    def _send_refusal(self) -> None:
        refusal = self._refusal
        if refusal is None or self.transport.is_closing():
            return
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.abort()  # inside another answer it would be no refusal
            return
        if not (self.phase is Phase.BODY and self.cycle.response_complete):  # else it has its answer
            self.transport.write(refusal.encode(STATUS_LINE[refusal.status], self.server_state.default_headers))
        if self._client_ended:
            self.transport.close()
            return
        # A close with bytes still unread would reset the connection, and the answer be lost.
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_S, self.transport.abort)
        else:
            self.loop.call_later(LINGER_S, self._close_secured)

    def _close_secured(self) -> None:
        """TLS knows no half-closed connection. A close tells the client that nothing was cut off."""
        if self.flow.read_paused:  # It sends a lot, and a close would read on.
            self.transport.abort()
        else:
            self.transport.close()

    def _make_room(self) -> None:
        """Close the connection that has gone longest without a whole request; if all are in use, refuse this one."""
        self.limits.tell()
        now = self.loop.time()
        others = (other for other in self.connections if isinstance(other, Connection) and other is not self)
        spare = [other for other in others if other.can_be_spared(now)]
        if spare:
            min(spare, key=lambda other: other.since).reset()
        elif len(self.connections) > self.limits.connections + SPARE:
            self.transport.abort()
        else:
            self.refuse(refusals.TOO_MANY_CONNECTIONS)

    def _is_not_fetched(self, now: float) -> bool:
        """Whether the client takes nothing of its answer, or takes it too slowly."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes < self._unsent_bytes or not self._unsent_bytes:
            self._fetched = now
        if not unsent_bytes:
            self._fetching_since = now
        self._unsent_bytes = unsent_bytes
        return unsent_bytes > 0 and (
            now - self._fetched > self.limits.header_timeout_s
            or now - self._fetching_since > self.limits.body_timeout_s
        )

    def _look_whether_gone(self, has_asked: bool = False) -> None:
        """Find out whether a client that sends no more still reads: only what is sent to it can tell.

        An interim answer may be sent before any answer (RFC 9110, 15.2); whoever is gone resets it.
        """
        if self.transport.is_closing() or not self.is_in_hand:
            return
        connected: socket.socket = self.transport.get_extra_info("socket")
        if connected.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.transport.abort()
            return
        if not has_asked and not self.pipeline and not self.cycle.response_started:
            if self.scope["http_version"] == "1.1":
                self.transport.write(_CONTINUE)
            has_asked = True
        self.loop.call_later(_ASK_AFTER_S, self._look_whether_gone, has_asked)
