"""The limits of a connection hold over TLS: before the handshake, after it, and when it ends. Over real sockets."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firstline.serving.certificate import Certificate
from firstline.serving.limits import SPARE, ConnectionLimits
from tests.certificates import trusting, write_certificate
from tests.service import served_here, until_closed, wait_until
from tests.unit.serving.test_connections import (
    BOUND_S,
    HOST,
    LIVE,
    SCHEMA,
    answers,
    app,
    one_answer,
    post,
    refused,
)

N_CONNECTIONS = 20
Connect = Callable[[], ssl.SSLSocket]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    write_certificate(folder)
    return folder


def certificate(folder: Path) -> Certificate:
    return Certificate(folder / "cert.pem", folder / "key.pem")


def limits() -> ConnectionLimits:
    return ConnectionLimits(N_CONNECTIONS, header_timeout_s=1.0, body_timeout_s=3.0, idle_timeout_s=1.0)


@pytest.fixture(scope="module")
def port(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served_here(app(tmp_path_factory.mktemp("models")), limits(), certificate=certificate(folder)) as port:
        yield port


def plain(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=BOUND_S)


def secured(port: int, folder: Path) -> ssl.SSLSocket:
    context = trusting(folder / "cert.pem")
    return context.wrap_socket(plain(port), server_hostname="127.0.0.1", suppress_ragged_eofs=False)


@pytest.fixture
def connect(port: int, folder: Path) -> Connect:
    return lambda: secured(port, folder)


def to_the_end(connection: ssl.SSLSocket) -> bytes:
    """All that comes until the service closes; raises if the end may have been cut off."""
    received = b""
    while more := connection.recv(65_536):
        received += more
    return received


def test_several_requests_are_answered_on_one_connection(connect: Connect) -> None:
    with connect() as connection:
        for _ in range(3):
            connection.sendall(post())
            assert one_answer(connection).startswith(b"HTTP/1.1 200")
        connection.sendall(LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert answers(to_the_end(connection))[0][0] == 200
        assert connection.selected_alpn_protocol() is None


def test_requests_that_come_together_are_answered_in_order(connect: Connect) -> None:
    with connect() as connection:
        connection.sendall(post() * 5 + LIVE)
        assert [b"confidence" in one_answer(connection) for _ in range(6)] == [True] * 5 + [False]


def test_an_idle_connection_is_closed(connect: Connect) -> None:
    with connect() as connection:
        assert to_the_end(connection) == b""


def test_a_slow_head_is_refused_and_the_client_reads_why(connect: Connect) -> None:
    with connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n")
        assert refused(to_the_end(connection)) == (408, "too_slow")


def test_a_slow_body_is_refused(connect: Connect) -> None:
    with connect() as connection:
        connection.sendall(post()[:-1])
        assert refused(to_the_end(connection)) == (408, "too_slow")


def test_a_head_beyond_the_limit_is_refused(connect: Connect) -> None:
    with connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 400_000)
        assert refused(to_the_end(connection)) == (431, "headers_too_large")


def test_a_head_that_never_ends_is_not_read(connect: Connect) -> None:
    n_sent, line = 0, b"X-Filler: " + b"a" * 10_000 + b"\r\n"
    with connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST)
        with pytest.raises(OSError):
            for _ in range(30_000):  # 300 MB
                n_sent += connection.send(line)
    assert n_sent < 100_000_000


def test_what_is_not_http_is_refused(connect: Connect) -> None:
    with connect() as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert refused(to_the_end(connection)) == (400, "malformed")


def test_a_client_that_closes_in_the_middle_is_forgotten(connect: Connect) -> None:
    for sent in (b"GET /hea", post()[:-1], post()):
        connection = connect()
        connection.sendall(sent)
        connection.close()
    with connect() as connection:
        connection.sendall(LIVE)
        assert one_answer(connection).startswith(b"HTTP/1.1 200")


def test_plain_http_gets_no_answer(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), plain(port) as connection:
        connection.sendall(LIVE)
        assert b"HTTP" not in until_closed(connection)
    assert caplog.records == []


def test_a_client_that_begins_no_handshake_is_closed_in_time(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), plain(port) as silent, plain(port) as half:
        half.sendall(b"\x16\x03\x01")
        assert until_closed(silent) == b""
        assert until_closed(half) == b""
    assert caplog.records == []


def test_the_oldest_without_a_handshake_makes_room(folder: Path, tmp_path: Path) -> None:
    patient = ConnectionLimits(N_CONNECTIONS, header_timeout_s=60.0, body_timeout_s=60.0, idle_timeout_s=60.0)
    with served_here(app(tmp_path), patient, certificate=certificate(folder)) as port:
        silent = [plain(port) for _ in range(N_CONNECTIONS + SPARE)]
        try:
            with secured(port, folder) as connection:
                connection.sendall(LIVE)
                assert one_answer(connection).startswith(b"HTTP/1.1 200")
            assert until_closed(silent[0]) == b""
            silent[-1].settimeout(0.2)
            with pytest.raises(TimeoutError):
                silent[-1].recv(1)
        finally:
            for silent_one in silent:
                silent_one.close()


def test_one_connection_too_many_replaces_one_that_is_not_used(connect: Connect) -> None:
    idle = [connect() for _ in range(N_CONNECTIONS)]
    try:
        with connect() as connection:
            connection.sendall(LIVE)
            assert one_answer(connection).startswith(b"HTTP/1.1 200")
        with pytest.raises(OSError):
            idle[0].recv(1)
    finally:
        for connection in idle:
            connection.close()


def test_a_client_that_reads_no_answer_is_reset(folder: Path, tmp_path: Path) -> None:
    with (
        served_here(app(tmp_path), limits(), send_buffer=4_096, certificate=certificate(folder)) as port,
        secured(port, folder) as connection,
    ):
        connection.settimeout(BOUND_S)
        gone = threading.Event()

        def send() -> None:
            try:
                while True:
                    connection.sendall(SCHEMA * 50)
            except OSError:
                gone.set()

        sending = threading.Thread(target=send)
        sending.start()
        sending.join(BOUND_S)
        assert gone.is_set()


@contextmanager
def stopped(port: int, folder: Path) -> Iterator[None]:
    """A silent client, one between handshake and request and one inside a request are there while it ends."""
    with plain(port), secured(port, folder), secured(port, folder) as half:
        half.sendall(post()[:-1])
        yield


def test_it_ends_in_bounded_time_whoever_is_connected(folder: Path, tmp_path: Path) -> None:
    with served_here(app(tmp_path), limits(), certificate=certificate(folder)) as port:
        with secured(port, folder) as connection:
            connection.sendall(LIVE)
            one_answer(connection)
        holding = stopped(port, folder)
        holding.__enter__()
    # `served_here` raises if the service has not ended within 20 s.
    with pytest.raises(ConnectionError):
        plain(port)
    holding.__exit__(None, None, None)


def test_a_renewed_certificate_is_shown_to_new_connections(tmp_path: Path) -> None:
    write_certificate(tmp_path, serial=1)
    used = certificate(tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    with served_here(app(models), limits(), certificate=used) as port, secured(port, tmp_path) as old:
        write_certificate(tmp_path, serial=2)
        used.look()
        used.look()
        with secured(port, tmp_path) as new:
            found = new.getpeercert()
            assert found is not None
            assert found["serialNumber"] == "02"
        old.sendall(LIVE)
        assert one_answer(old).startswith(b"HTTP/1.1 200")


def test_connections_that_have_ended_are_counted_no_more(connect: Connect, port: int) -> None:
    for _ in range(3 * N_CONNECTIONS):
        connect().close()
        plain(port).close()

    def is_answered() -> bool:
        with connect() as connection:
            connection.sendall(LIVE)
            return one_answer(connection).startswith(b"HTTP/1.1 200")

    wait_until(is_answered)
