"""Takes connections: as many as there are in one turn of the event loop, and over TLS bounded in number and time.

uvloop takes one connection in each turn, so that under load new ones, probes among them, would wait for seconds.
asyncio and uvloop show a connection to its protocol only after the handshake, so idle ones would escape every limit.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from firstline.serving.certificate import Certificate
from firstline.serving.limits import SPARE, ConnectionLimits

_MOST_IN_A_TURN = 100
_CLOSE_S = 2.0
"""How long a client may take to confirm that a connection ends."""
_PAUSE_S = 0.1
_NOBODY_THERE = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR)
_log = logging.getLogger("firstline.serving")


class Acceptor:
    """Accepts clients of `listener` and hands each to a protocol of `make_protocol`: over TLS, once it is secure.

    `n_connected` says how many are there already. Beyond the limit, the oldest handshake makes room for a new one.
    """

    def __init__(
        self,
        listener: socket.socket,
        certificate: Certificate | None,
        limits: ConnectionLimits,
        make_protocol: Callable[[], asyncio.Protocol],
        n_connected: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._certificate = certificate
        self._limits = limits
        self._make_protocol = make_protocol
        self._n_connected = n_connected
        self._open: dict[asyncio.Task[None], socket.socket] = {}  # handshakes, the oldest first
        self._is_over = False

    def start(self) -> None:
        """Accept from now on. Needs a running event loop."""
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    def stop(self) -> None:
        """Accept no more, and end the handshakes that are not complete."""
        self._is_over = True
        asyncio.get_running_loop().remove_reader(self._listener)
        for client in self._open.values():
            _shut(client)

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(_MOST_IN_A_TURN):
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                if error.errno not in _NOBODY_THERE:
                    _log.warning("A connection cannot be accepted: %s", error.strerror)
                    loop.remove_reader(self._listener)
                    loop.call_later(_PAUSE_S, self._go_on)
                return
            client.setblocking(False)
            task = loop.create_task(self._take(client))
            self._open[task] = client
            task.add_done_callback(self._open.pop)
            self._make_room()

    def _go_on(self) -> None:
        if not self._is_over:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def _take(self, client: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._certificate is None:
                await loop.connect_accepted_socket(self._make_protocol, client)
                return
            await loop.connect_accepted_socket(
                self._make_protocol,
                client,
                ssl=self._certificate.context,
                ssl_handshake_timeout=self._limits.header_timeout_s,
                ssl_shutdown_timeout=_CLOSE_S,
            )
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            # A scan, plain HTTP, a client that does not trust the certificate: nothing that a log needs.
            client.close()

    def _make_room(self) -> None:
        """End the oldest handshakes if there are more than there is room for."""
        room = max(self._limits.connections + SPARE - self._n_connected(), SPARE)
        for client in [*self._open.values()][: max(len(self._open) - room, 0)]:
            self._limits.tell()
            _shut(client)


def _shut(client: socket.socket) -> None:
    try:
        client.shutdown(socket.SHUT_RDWR)
    except OSError:
        client.close()
