"""Starting the real service: in a process of its own, or in a thread of this one."""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from litestar.types import ASGIApp

from firstline.serving.certificate import Certificate
from firstline.serving.front import Access, Front
from firstline.serving.limits import ConnectionLimits
from firstline.serving.server import Server


@dataclass(frozen=True)
class Running:
    """A service that answers at `address`."""

    address: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])


@contextmanager
def served(
    workspace: Path, log: Path, *options: str, before: Sequence[str] = (), command: str = "serve"
) -> Iterator[Running]:
    """`firstline serve`, or another server, on a free port, stopped by SIGTERM; `before` stands before the command."""
    firstline = [*before, sys.executable, "-m", "firstline", command]
    whole = [*firstline, "-w", str(workspace), "--port", "0", *options]
    with log.open("w", encoding="utf-8") as file, subprocess.Popen(whole, stderr=file, text=True) as process:
        try:
            yield Running(_address(process, log), process)
        finally:
            process.terminate()
            process.wait(timeout=20)


@contextmanager
def served_here(
    app: ASGIApp,
    limits: ConnectionLimits,
    send_buffer: int | None = None,
    certificate: Certificate | None = None,
    access: Access | None = None,
    proxies: Sequence[str] = (),
) -> Iterator[int]:
    """The service's own server in a thread; gives its port."""
    server = Server(Front(app, access), limits, certificate=certificate, proxies=proxies)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        if send_buffer is not None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while thread.is_alive() and not server.started:
                time.sleep(0.01)
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            if thread.is_alive():
                raise RuntimeError("The service did not end.")


def _address(process: subprocess.Popen[str], log: Path) -> str:
    for _ in range(300):
        found = re.search(r"at (https?://\S+?)\.? ", log.read_text("utf-8"))
        if found:
            return found[1]
        if process.poll() is not None:
            raise RuntimeError(f"The service ended: {log.read_text('utf-8')}")
        time.sleep(0.1)
    raise RuntimeError("The service did not start.")


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the service closes or resets the connection."""
    received = b""
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionError:
        pass
    return received


def wait_until(condition: Callable[[], bool], most_s: float = 20.0) -> None:
    """Returns once the condition holds. Raises `TimeoutError` if it does not in time."""
    end = time.monotonic() + most_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("The condition does not hold.")
        time.sleep(0.005)
