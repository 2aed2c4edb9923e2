"""What others wait while clients misbehave, and how long the service takes to end: python -m benchmarks.hostile_clients

One client asks for /health/live and for one message in turn, the service on a core of its own; beside
it, other clients send headers without end, half requests, nothing at all, or do not read.
"""

import argparse
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.http_latency import demo_workspace, figures
from benchmarks.table import machine, print_rows

_REQUESTS = 500
_CLIENTS = 100
_HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: service\r\nContent-Length: 100\r\n\r\n"
Clients = Callable[[int, threading.Event], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="one with a champion; default: the demo messages are trained on")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        workspace = arguments.workspace or demo_workspace(Path(folder))
        with _served(workspace) as (process, port):
            rows = [_measured(name, clients, process, port) for name, clients in _BESIDE.items()]
        print_rows(
            f"{_REQUESTS:,} requests of each kind in turn, service on one core of {machine()}",
            ("other clients", "live p50 ms", "live p99 ms", "message p50 ms", "message p99 ms", "service MB"),
            rows,
        )
        print_rows("From SIGTERM to the end", ("held by", "s"), [(name, _end_s(workspace, name)) for name in _BESIDE])


@contextmanager
def _served(workspace: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    cores = sorted(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(cores[0]), sys.executable, "-m", "firstline", "serve", "-w", str(workspace)]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        first = process.stderr.readline()
        found = re.search(r"at http://[\d.]+:(\d+)", first)
        if not found:
            sys.exit(first + process.stderr.read())
        threading.Thread(target=process.stderr.read, daemon=True).start()
        try:
            yield process, int(found[1])
        finally:
            process.terminate()


def _measured(name: str, clients: Clients, process: subprocess.Popen[str], port: int) -> tuple[str, ...]:
    done = threading.Event()
    beside = threading.Thread(target=clients, args=(port, done))
    beside.start()
    time.sleep(0.5)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    message = json.dumps({"text": "где мой перевод"}).encode()
    figures_of_both: list[str] = []
    for method, path, body in (("GET", "/health/live", None), ("POST", "/v1/classify", message)):
        times_ms = []
        for _ in range(_REQUESTS):
            started = time.perf_counter()
            connection.request(method, path, body, {"Content-Type": "application/json"})
            connection.getresponse().read()
            times_ms.append((time.perf_counter() - started) * 1000)
        figures_of_both += figures(times_ms)
    resident_mb = psutil.Process(process.pid).memory_info().rss / 1e6
    connection.close()
    done.set()
    beside.join()
    return name, *figures_of_both, f"{resident_mb:.0f}"


def _end_s(workspace: Path, name: str) -> str:
    done = threading.Event()
    with _served(workspace) as (process, port):
        beside = threading.Thread(target=_BESIDE[name], args=(port, done))
        beside.start()
        time.sleep(1)
        started = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        taken_s = time.perf_counter() - started
        done.set()
        beside.join()
    return f"{taken_s:.1f}"


def _none(port: int, done: threading.Event) -> None:
    """The floor."""


def _endless_headers(port: int, done: threading.Event) -> None:
    lines = b"X-Filler: 1\r\n" * 5_000
    while not done.is_set():
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\n")
            while not done.is_set():
                connection.sendall(lines)


def _held(sent: bytes) -> Clients:
    def hold(port: int, done: threading.Event) -> None:
        with ExitStack() as stack:
            for _ in range(_CLIENTS):
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                connection.sendall(sent)
            done.wait()

    return hold


_BESIDE: dict[str, Clients] = {
    "none": _none,
    "a client that sends headers without end": _endless_headers,
    f"{_CLIENTS} idle connections": _held(b""),
    f"{_CLIENTS} half-sent heads": _held(_HEAD[:-10]),
    f"{_CLIENTS} half-sent bodies": _held(_HEAD + b"{"),
    f"{_CLIENTS} clients that do not read": _held(b"GET /schema HTTP/1.1\r\nHost: service\r\n\r\n" * 90),
}


if __name__ == "__main__":
    main()
