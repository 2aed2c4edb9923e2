"""The HTTP server: watches its connections, and ends in bounded time."""

import asyncio
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType

import uvicorn
from litestar.types import ASGIApp

from firstline.serving.accepting import Acceptor
from firstline.serving.certificate import Certificate
from firstline.serving.connections import Connection
from firstline.serving.limits import ConnectionLimits

_TICKS = 5  # of uvicorn, a tenth of a second each, between two looks at all connections
_LATE_S = 1.0
_HALF_SENT_S = 2.0
_ANSWERS_S = 7.0
_COMPUTING_S = 8.0
_END_S = 9.0

_log = logging.getLogger("firstline.serving")


class Server(uvicorn.Server):
    """uvicorn's server around `app`.

    From the first SIGTERM or SIGINT on, half-sent requests have 2 s, answers 7 s, and the process 9 s;
    a second signal ends it at once. SIGHUP calls `on_hangup`. `on_end` is called when everything is answered. With a
    `certificate` it speaks TLS. What the addresses and networks of `proxies` say about their clients is believed.
    """

    def __init__(
        self,
        app: ASGIApp,
        limits: ConnectionLimits,
        on_hangup: Callable[[], object] = lambda: None,
        on_end: Callable[[], object] = lambda: None,
        certificate: Certificate | None = None,
        proxies: Sequence[str] = (),
    ) -> None:
        config = uvicorn.Config(
            app,
            interface="asgi3",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            timeout_keep_alive=limits.idle_timeout_s,  # type: ignore[arg-type]
        )
        super().__init__(config)
        self._on_hangup = on_hangup
        self._limits = limits
        self._certificate = certificate
        self._acceptors: list[Acceptor] = []
        self._on_end = on_end
        self._looked_at = float("-inf")
        self._skipped = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        self._acceptors = [self._accepting(listener) for listener in sockets or ()]
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            now = asyncio.get_running_loop().time()
            # After a pause of this process, what clients have sent meanwhile is still unread.
            self._skipped = now - self._looked_at > _LATE_S and not self._skipped
            if not self._skipped:
                for connection in self._connections():
                    connection.check(now)
            self._looked_at = now
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for acceptor in self._acceptors:
            acceptor.stop()
        loop = asyncio.get_running_loop()
        loop.call_later(_HALF_SENT_S, self._give_up)
        loop.call_later(_ANSWERS_S, self._abort)
        loop.call_later(_COMPUTING_S, self._stop_waiting)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        with super().capture_signals():
            try:
                yield
            finally:
                # Before uvicorn sends the signal again, which ends the process.
                self._on_end()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.SIG_DFL)
        # A thread that computes would keep the process for as long as it takes.
        watch = threading.Timer(_END_S, self._end, (sig,))
        watch.daemon = True
        watch.start()

    def _accepting(self, listener: socket.socket) -> Acceptor:
        def make_protocol() -> Connection:
            return Connection(
                limits=self._limits,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        acceptor = Acceptor(
            listener, self._certificate, self._limits, make_protocol, lambda: len(self.server_state.connections)
        )
        acceptor.start()
        return acceptor

    def _end(self, sig: int) -> None:
        _log.warning("The process ends with requests in hand.")
        self._on_end()
        os._exit(128 + sig)

    def _connections(self) -> list[Connection]:
        return [item for item in self.server_state.connections if isinstance(item, Connection)]

    def _give_up(self) -> None:
        for connection in self._connections():
            connection.give_up()

    def _abort(self) -> None:
        left = self._connections()
        if left:
            _log.warning("%d connections are closed without having had their answer.", len(left))
        for connection in left:
            connection.reset()

    def _stop_waiting(self) -> None:
        if self.server_state.tasks:
            _log.warning("%d requests are still computed; their clients have gone.", len(self.server_state.tasks))
        self.force_exit = True
