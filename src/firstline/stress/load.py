"""Sends messages to a running service over HTTP, and counts the answers.

With aiohttp: in a second of processor time it sends some 11,000 messages (python -m benchmarks.stress_client), Locust's
fastest client some 7,000, so that one core can ask several times what a service answers on another.
"""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from errno import ECONNRESET
from itertools import cycle

import aiohttp
import msgspec

from firstline.errors import ServiceUnusable
from firstline.stress.outcomes import ANSWERED, REFUSALS, Outcomes

_AFTER_FAILURE_S = 0.1
_IDLE_S = 2.0  # less than serving.idle_timeout_s, or the service closes a connection as a request comes
_TICK_S = 0.001
_WANTS_KEY = (401, 403)


@dataclass(frozen=True)
class Load:
    """What to send: `bodies` in turn, for some seconds, over at most so many connections.

    Without a `rate` each connection sends the next request once the last one is answered. With one, requests are due
    at that many a second, whether or not the service keeps up.
    """

    url: str
    bodies: Sequence[bytes]
    seconds: float
    connections: int
    rate: float | None = None
    key: str | None = None
    timeout_s: float = 10.0


def send(load: Load, outcomes: Outcomes) -> None:
    """Send the load; `outcomes` is filled on the way, so that Ctrl-C loses nothing.

    The first message is sent on its own, and not counted. Raises `ServiceUnusable` if it is not answered.

    With a rate, a latency starts when the request was due, not when a connection was free to send it. Otherwise the
    requests that a stalled service holds up would count as fast: coordinated omission (Gil Tene, "How NOT to Measure
    Latency"; wrk2 measures so).
    """
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_send(load, outcomes))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _send(load: Load, outcomes: Outcomes) -> None:
    headers = {"Content-Type": "application/json"}
    if load.key is not None:
        headers["Authorization"] = f"Bearer {load.key}"
    async with aiohttp.ClientSession(
        headers=headers,
        connector=aiohttp.TCPConnector(limit=load.connections, keepalive_timeout=_IDLE_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=load.timeout_s),
    ) as session:
        outcomes.model = await _first_answer(session, load)
        gc.freeze()  # A full collection over all that is loaded would be taken for latency of the service.
        await _Sender(load, outcomes, session).run()


class _Named(msgspec.Struct):
    """The part of an answer that says which model gave it."""

    model: str = ""


async def _first_answer(session: aiohttp.ClientSession, load: Load) -> str:
    """The model that answers; empty if the service is too busy to say, or is not Firstline's."""
    try:
        async with session.post(load.url, data=load.bodies[0], allow_redirects=False) as response:
            body, status = await response.read(), response.status
    except (aiohttp.ClientError, OSError) as error:
        raise _unusable(error, load) from None
    if status in _WANTS_KEY:
        raise ServiceUnusable(
            f"{load.url} does not accept the key (status {status}).",
            "Name a file with one that may classify: --key-file.",
        )
    if status != ANSWERED and status not in REFUSALS:
        raise ServiceUnusable(
            f"{load.url} answers the first message with status {status}.", "Check --url, and the log of the service."
        )
    try:
        return msgspec.json.decode(body, type=_Named).model
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _unusable(error: Exception, load: Load) -> ServiceUnusable:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = getattr(error.certificate_error, "verify_message", "").rstrip(".") or "it does not verify"
        return ServiceUnusable(
            f"The certificate of {load.url} is not trusted: {cause}.",
            "If your own authority signed it, name that authority's certificate, a PEM file:\n"
            "SSL_CERT_FILE=ca.pem firstline stress ...",
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return ServiceUnusable(
            f"{load.url} does not speak TLS as it should: {_tls_reason(error)}.",
            "It may speak HTTP: name its address with http://. Otherwise see the log of the service.",
        )
    is_closed = isinstance(error, aiohttp.ServerDisconnectedError) or getattr(error, "errno", None) == ECONNRESET
    if is_closed and load.url.startswith("http:"):
        return ServiceUnusable(
            f"{load.url} closes the connection without an answer.",
            "It may speak HTTPS: name its address with https://. Otherwise see the log of the service.",
        )
    return ServiceUnusable(
        f"{load.url} does not answer: {_reason(error, load)}.",
        "Start the service (firstline serve), or name another --url.",
    )


def _tls_reason(error: aiohttp.ClientConnectorSSLError) -> str:
    """Without the number that the system's errors have: OpenSSL counts its own."""
    reason = getattr(error.os_error, "reason", None) or type(error.os_error).__name__
    return str(reason).lower().replace("_", " ")


def _reason(error: Exception, load: Load) -> str:
    if isinstance(error, TimeoutError):
        return f"nothing came within {load.timeout_s:.0f} s"
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


class _Sender:
    """The connections of a load; each takes the next request when it is free."""

    def __init__(self, load: Load, outcomes: Outcomes, session: aiohttp.ClientSession) -> None:
        self._load = load
        self._outcomes = outcomes
        self._session = session
        self._bodies = cycle(load.bodies)
        self._n_taken = 0
        self._n_requests = round(load.seconds * (load.rate or 0))
        self._start = self._end = 0.0

    async def run(self) -> None:
        self._start = time.perf_counter()
        self._end = self._start + self._load.seconds
        try:
            await asyncio.gather(*(self._use_connection() for _ in range(self._load.connections)))
            # The last request was due a little before the end, and the rate is that of the whole time.
            await asyncio.sleep(max(self._end - time.perf_counter(), 0))
        finally:
            now = time.perf_counter()
            self._outcomes.elapsed_s = now - self._start
            n_due = self._n_requests if now >= self._end else int(self._outcomes.elapsed_s * (self._load.rate or 0))
            self._outcomes.n_unsent = max(n_due - self._n_taken, 0)

    async def _use_connection(self) -> None:
        while (due := self._take()) is not None:
            # An event loop's clock ticks in milliseconds: better half a tick early than late.
            if (wait_s := due - time.perf_counter()) > 0:
                await asyncio.sleep(max(wait_s - _TICK_S / 2, 0))
            await self._ask(due)

    def _take(self) -> float | None:
        """When the next request is due; None at the end."""
        now = time.perf_counter()
        if now >= self._end or (self._load.rate is not None and self._n_taken >= self._n_requests):
            return None
        due = now if self._load.rate is None else self._start + self._n_taken / self._load.rate
        self._n_taken += 1
        return due

    async def _ask(self, due: float) -> None:
        # One that went out half a tick early counts from then.
        started = min(due, time.perf_counter())
        try:
            async with self._session.post(self._load.url, data=next(self._bodies), allow_redirects=False) as response:
                await response.read()
        except TimeoutError:
            self._outcomes.errors["timeout"] += 1
        except (aiohttp.ClientError, OSError):
            self._outcomes.errors["connection"] += 1
            # A service that is down refuses thousands of connections a second.
            await asyncio.sleep(_AFTER_FAILURE_S)
        else:
            self._outcomes.count(response.status, time.perf_counter() - started)
