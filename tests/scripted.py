"""A service on loopback that answers as a test says."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[int], int]
"""The number of a request, from 0 -> the status of its answer; 0 closes the connection without one."""


@dataclass
class Scripted:
    """Where it listens, and what came: bodies in order, and the headers of the last request."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def scripted(answer: Answer = lambda number: 200, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    """A service that answers any POST with `answer`; the model that it names is `toy.v1-0001`."""
    found, lock = Scripted(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                number = len(found.bodies)
                found.bodies.append(body)
                found.headers = dict(self.headers)
            status = answer(number)
            if not status:
                self.close_connection = True
                return
            self.send_response(status)
            content = b'{"model": "toy.v1-0001"}'
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        found.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
