"""Takes connections over TLS: bounded in number and time before both sides have agreed on a key.

asyncio's own server shows a connection to its protocol only after the handshake, so idle ones would escape every limit.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

from firstline.serving.certificate import Certificate
from firstline.serving.limits import SPARE, ConnectionLimits

_CLOSE_S = 2.0
"""How long a client may take to confirm that a connection ends."""
_PAUSE_S = 0.1
_log = logging.getLogger("firstline.serving")


class Handshakes:
    """Accepts clients of `listener` and hands each to a protocol of `make_protocol` once it is secure.

    `n_connected` says how many are there already. Beyond the limit, the oldest handshake makes room for a new one.
    """

    def __init__(
        self,
        listener: socket.socket,
        certificate: Certificate,
        limits: ConnectionLimits,
        make_protocol: Callable[[], asyncio.Protocol],
        n_connected: Callable[[], int],
    ) -> None:
        self._listener = listener
        self._certificate = certificate
        self._limits = limits
        self._make_protocol = make_protocol
        self._n_connected = n_connected
        self._open: dict[asyncio.Task[None], socket.socket] = {}  # the oldest first
        self._accepting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Accept from now on. Needs a running event loop."""
        self._listener.setblocking(False)
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def stop(self) -> None:
        """Accept no more, and end the handshakes that are not complete."""
        if self._accepting is not None:
            self._accepting.cancel()
        for client in self._open.values():
            _shut(client)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                _log.warning("A connection cannot be accepted: %s", error.strerror)
                await asyncio.sleep(_PAUSE_S)
                continue
            task = loop.create_task(self._agree(client))
            self._open[task] = client
            task.add_done_callback(self._open.pop)
            self._make_room()

    async def _agree(self, client: socket.socket) -> None:
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().connect_accepted_socket(
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
