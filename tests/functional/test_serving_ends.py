"""The served process under signals and a low limit of open files: what is answered, and that it ends."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.service import Running, served, until_closed

BODY = json.dumps({"text": "карта"}).encode()
HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(BODY)
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
WITHIN_S = 10


@contextmanager
def connected(service: Running, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        if receive_buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(WITHIN_S + 5)
        connection.connect(("127.0.0.1", service.port))
        yield connection


def is_live(service: Running) -> bool:
    with connected(service) as connection:
        connection.sendall(LIVE)
        return b"200 OK" in until_closed(connection)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_whoever_holds_what(trained: Path, tmp_path: Path, sent: signal.Signals) -> None:
    log = tmp_path / "log"
    with (
        served(trained, log) as service,
        connected(service) as idle,
        connected(service) as half,
        connected(service) as half_head,
        connected(service) as finished,
    ):
        half.sendall(HEAD + BODY[:1])
        half_head.sendall(b"GET /heal")
        finished.sendall(HEAD + BODY[:-1])
        assert is_live(service)
        service.process.send_signal(sent)
        time.sleep(0.5)
        finished.sendall(BODY[-1:])
        answer = until_closed(finished)
        assert b"200 OK" in answer
        assert b"connection: close" in answer
        assert b'"stopping"' in until_closed(half)
        assert b'"stopping"' in until_closed(half_head)
        assert until_closed(idle) == b""
        service.process.wait(WITHIN_S)
    assert "Traceback" not in log.read_text("utf-8")


def test_a_request_that_is_on_its_way_is_answered(trained: Path, tmp_path: Path) -> None:
    with served(trained, tmp_path / "log") as service, connected(service) as client:
        client.sendall(HEAD + BODY)
        assert b"200 OK" in client.recv(65_536)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.05)
        client.sendall(HEAD + BODY)
        assert b"200 OK" in until_closed(client)


def test_a_client_that_does_not_read_does_not_keep_it(trained: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with served(trained, log) as service, connected(service, receive_buffer=4_096) as unread:
        for _ in range(14):  # more answers than the kernel keeps for it
            unread.sendall(b"GET /schema HTTP/1.1\r\nHost: localhost\r\n\r\n" * 25)
            time.sleep(0.3)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(WITHIN_S)
    told = log.read_text("utf-8")
    assert "without having had their answer" in told
    assert "Traceback" not in told


STUCK = """
import socket, sys, threading, time
from litestar import Litestar, get
from firstline.serving.log import log_to_stderr
from firstline.serving.limits import ConnectionLimits
from firstline.serving.server import Server

@get("/stuck", sync_to_thread=True)
def stuck() -> None:
    time.sleep(600)

log = log_to_stderr()
with socket.create_server(("127.0.0.1", 0)) as listener:
    print("at http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    app, limits = Litestar([stuck], logging_config=None), ConnectionLimits(10, 10, 60, 5)
    Server(app, limits, on_end=log.close).run(sockets=[listener])
"""


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_thread_that_computes_does_not_keep_it(sent: signal.Signals) -> None:
    command = [sys.executable, "-c", STUCK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        port = int(process.stdout.readline().rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as client:
            client.sendall(b"GET /stuck HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(2)
            process.send_signal(sent)
            assert process.wait(WITHIN_S) in (-sent, 128 + sent)
        assert "still computed" in process.stderr.read()


def test_a_batch_does_not_keep_it(trained: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    texts = json.dumps({"messages": [{"text": "где мой перевод, карта и банкомат " * 100}] * 1_000}).encode()
    head = b"POST /v1/classify/batch HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(texts)
    with served(trained, log) as service, connected(service) as batch, connected(service) as second:
        for connection in (batch, second):
            connection.sendall(head + texts)
        assert is_live(service)
        service.process.send_signal(signal.SIGTERM)
        service.process.wait(WITHIN_S)
    assert "Traceback" not in log.read_text("utf-8")


def test_a_second_signal_ends_it_at_once(trained: Path, tmp_path: Path) -> None:
    with served(trained, tmp_path / "log") as service, connected(service) as half:
        half.sendall(HEAD + BODY[:1])
        assert is_live(service)
        service.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            service.process.wait(0.5)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(1) == -signal.SIGTERM


@pytest.mark.skipif(shutil.which("sh") is None, reason="ulimit is the shell's")
def test_idle_connections_do_not_use_up_open_files(trained: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    limited = ("sh", "-c", 'ulimit -n 64; exec "$@"', "sh")
    with served(trained, log, before=limited) as service:
        idle = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(120)]
        assert is_live(service)
        with connected(service) as client:
            client.sendall(HEAD + BODY)
            assert b"200 OK" in client.recv(65_536)
        for connection in idle:
            connection.close()
    told = log.read_text("utf-8")
    assert "ulimit -n" in told
    assert told.count("connections are taken") == 1
    assert "Traceback" not in told
