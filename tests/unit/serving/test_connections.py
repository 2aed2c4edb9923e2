"""What a connection takes from its client: bytes, time, order. Over real sockets, with short limits."""

import asyncio
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar, Request, get

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import promote
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.limits import ConnectionLimits
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle
from tests.service import served_here, until_closed, wait_until

LIMITS = ConnectionLimits(connections=20, header_timeout_s=1.0, body_timeout_s=3.0, idle_timeout_s=1.0)
BODY = '{"text": "карта"}'.encode()
HOST = b"Host: service\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"\r\n"
SCHEMA = b"GET /schema HTTP/1.1\r\n" + HOST + b"\r\n"
BAD_CHUNK = b"POST /v1/classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n-5\r\n"
BOUND_S = 15


def post(*lines: bytes, body: bytes = BODY, path: bytes = b"/v1/classify") -> bytes:
    return b"\r\n".join(
        [
            b"POST " + path + b" HTTP/1.1",
            b"Host: service",
            b"Content-Length: %d" % len(body),
            *lines,
            b"",
            body,
        ]
    )


def app(folder: Path) -> Litestar:
    written = make_bundle(folder)
    promote(folder, written.id)
    limits = ServingSettings(max_body_bytes=100_000)
    return create_app(Current(Service(Predictor.load(folder / written.id), folder, limits)))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with served_here(app(tmp_path_factory.mktemp("models")), LIMITS) as port:
        yield port


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=BOUND_S)


def one_answer(connection: socket.socket) -> bytes:
    """The next answer; the connection stays open."""
    with connection.makefile("rb") as lines:
        head = b"".join(iter(lines.readline, b"\r\n"))
        return head + lines.read(int(head.lower().partition(b"content-length: ")[2].split()[0]))


def ask(port: int, sent: bytes, *, ends: bool = False) -> bytes:
    """All that comes back until the service closes."""
    with connect(port) as connection:
        connection.sendall(sent)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return until_closed(connection)


def answers(received: bytes) -> list[tuple[int, dict[str, str], Any]]:
    """Status, headers and JSON of each answer."""
    found = []
    while received:
        head, _, received = received.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        body, received = received[:length], received[length:]
        found.append((int(status.split()[1]), headers, json.loads(body) if body else None))
    return found


def refused(received: bytes) -> tuple[int, str]:
    (answer,) = answers(received)
    status, headers, body = answer
    assert headers["connection"] == "close"
    assert headers["content-type"] == "application/json"
    return status, body["error"]["code"]


def is_answered(port: int, sent: bytes) -> bool:
    received = answers(ask(port, sent, ends=True))
    return [status for status, _, _ in received] == [200]


def is_live(port: int) -> bool:
    return is_answered(port, LIVE)


# How much


def test_a_head_that_never_ends_is_refused_and_not_read(port: int) -> None:
    line = b"X-Filler: " + b"a" * 10_000 + b"\r\n"
    n_sent = 0
    with connect(port) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\n" + HOST)
        with pytest.raises(ConnectionError):
            for _ in range(30_000):  # 300 MB
                n_sent += connection.send(line)
        assert is_live(port)
        assert refused(until_closed(connection)) == (431, "headers_too_large")
    assert n_sent < 100_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"a" * 70_000 + b"\r\n",
        b"".join(b"X-%d: 1\r\n" % number for number in range(101)),
        b"X: " + b"a" * 400_000,
        b"X" * 400_000,
    ],
)
def test_a_head_beyond_the_limit_is_refused(port: int, head: bytes) -> None:
    assert refused(ask(port, b"GET /health/live HTTP/1.1\r\n" + HOST + head + b"\r\n")) == (431, "headers_too_large")


def test_a_request_line_beyond_the_limit_is_refused(port: int) -> None:
    request = b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    assert refused(ask(port, request)) == (431, "headers_too_large")


def test_a_head_within_the_limit_is_answered(port: int) -> None:
    request = b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 60_000 + b"\r\n" + HOST + b"\r\n"
    assert answers(ask(port, request, ends=True))[0][0] == 200


def test_trailers_without_end_are_refused(port: int) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n2\r\n{}\r\n0\r\n"
    assert refused(ask(port, head + b"X: " + b"a" * 500_000)) == (431, "headers_too_large")


def test_a_chunked_body_beyond_the_limit_is_refused(port: int) -> None:
    chunks = b"".join(b"c350\r\n" + b"a" * 50_000 + b"\r\n" for _ in range(4))
    head = b"POST /v1/classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n"
    status, _, body = answers(ask(port, head + chunks + b"0\r\n\r\n"))[0]
    assert (status, body["error"]["code"]) == (413, "body_too_large")


def test_too_many_pipelined_requests_are_refused_after_their_answers(port: int) -> None:
    received = answers(ask(port, LIVE * 200))
    assert [status for status, _, _ in received[:-1]] == [200] * (len(received) - 1)
    assert len(received) > 100
    assert (received[-1][0], received[-1][2]["error"]["code"]) == (400, "too_many_pipelined")


# How long


@pytest.mark.parametrize(
    "half",
    [
        b"GET /health",
        b"GET /health/live HTTP/1.1\r\nHost: ser",
        b"G",
        post()[:-1],
        b"POST /v1/classify HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n5\r\nab",
    ],
)
def test_a_request_half_sent_is_refused_in_time(port: int, half: bytes) -> None:
    assert refused(ask(port, half)) == (408, "too_slow")


@pytest.mark.parametrize("sent", [b"", b"\r\n", LIVE, LIVE + b"\r\n"])
def test_an_idle_connection_is_closed(port: int, sent: bytes) -> None:
    assert [status for status, _, _ in answers(ask(port, sent))] == [200] * (LIVE in sent)


def test_a_body_a_byte_at_a_time_ends(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /v1/classify HTTP/1.1\r\nContent-Length: 90000\r\n" + HOST + b"\r\n")
        sent_by = time.monotonic() + BOUND_S
        connection.settimeout(0.2)
        received = b""
        while not received and time.monotonic() < sent_by:
            connection.sendall(b" ")
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                continue
    assert refused(received) == (408, "too_slow")


def test_a_body_refused_by_its_length_is_not_awaited(port: int) -> None:
    head = b"POST /v1/classify HTTP/1.1\r\nContent-Length: 1000000\r\n" + HOST + b"\r\n"
    received = answers(ask(port, head + b"a"))
    assert [status for status, _, _ in received] == [413]


def test_a_pause_between_requests_is_none_within_one(port: int) -> None:
    """The time of a head counts from its first byte."""
    with connect(port) as connection:
        for _ in range(4):
            connection.sendall(LIVE)
            assert b"live" in one_answer(connection)
            time.sleep(0.4)


def test_a_client_that_does_not_read_is_closed(tmp_path: Path) -> None:
    with served_here(app(tmp_path), LIMITS, send_buffer=4_096) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(SCHEMA * 20)
        waits = select.poll()
        waits.register(connection, 0)  # only what happens to it, not that there is something to read
        assert waits.poll(BOUND_S * 1_000)


def test_a_client_that_reads_slowly_gets_its_answer(tmp_path: Path) -> None:
    # Checked every .5 s, while the buffer is drained and filled again: three checks must see it fall once.
    limits = ConnectionLimits(connections=20, header_timeout_s=1.5, body_timeout_s=60, idle_timeout_s=0.1)
    with served_here(app(tmp_path), limits, send_buffer=4_096) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(SCHEMA * 10)
        received = b""
        while more := connection.recv(20_000):
            received += more
            time.sleep(0.05)
    assert [body["info"]["title"] for _, _, body in answers(received)] == ["Firstline"] * 10


# In which order


def test_a_client_that_ends_after_its_request_is_answered(port: int) -> None:
    status, _, body = answers(ask(port, post(), ends=True))[0]
    assert (status, body["label"]) == (200, "Карта")


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    received = answers(ask(port, post() + LIVE + post(), ends=True))
    assert ["label" in body for _, _, body in received] == [True, False, True]


def test_what_is_malformed_is_refused_after_the_answers_before_it(port: int) -> None:
    for malformed in (b"\x00\x01 nonsense\r\n\r\n", BAD_CHUNK):
        received = answers(ask(port, post() + LIVE + post() + malformed))
        assert [status for status, _, _ in received] == [200, 200, 200, 400]


@pytest.mark.parametrize("half", [b"GET /he", post()[:-3]])
def test_a_client_that_ends_inside_a_request_is_refused(port: int, half: bytes) -> None:
    assert refused(ask(port, half, ends=True)) == (400, "body_incomplete")


async def _until_gone(request: Request[Any, Any, Any], gone: threading.Event) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


def slow_app(seconds: float, gone: threading.Event) -> Litestar:
    @get("/slow")
    async def slow(request: Request[Any, Any, Any]) -> str:
        watch = asyncio.create_task(_until_gone(request, gone))
        await asyncio.wait([watch], timeout=seconds)
        watch.cancel()
        return "done"

    return Litestar([slow], logging_config=None)


SLOW = b"GET /slow HTTP/1.1\r\n" + HOST + b"\r\n"


def test_who_has_gone_is_noticed_while_the_answer_is_made() -> None:
    gone = threading.Event()
    with served_here(slow_app(BOUND_S, gone), LIMITS) as port:
        with connect(port) as connection:
            connection.sendall(SLOW)
        assert gone.wait(BOUND_S / 2)


def test_who_has_only_ended_gets_a_slow_answer() -> None:
    gone = threading.Event()
    with served_here(slow_app(1.5, gone), LIMITS) as port:
        received = ask(port, SLOW, ends=True)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    assert received.count(b"100 Continue") == 1
    assert received.endswith(b"done")
    assert not gone.is_set()


# What it says


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"nonsense\r\n\r\n", "malformed"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "malformed"),
        (b"GET /health/live HTTP/1.1\r\nno colon\r\n\r\n", "malformed"),
        (b"GET /health/live HTTP/1.1\r\n\r\n", "host"),
        (b"GET /health/live HTTP/1.1\r\n" + HOST + HOST + b"\r\n", "host"),
        (b"GET /health/live HTTP/2.0\r\n" + HOST + b"\r\n", "http_version"),
        (post(b"Transfer-Encoding: chunked"), "malformed"),
        (post(b"Content-Length: 4"), "malformed"),
        (b"POST /v1/classify HTTP/1.1\r\nContent-Length: -1\r\n" + HOST + b"\r\n", "malformed"),
        (b"CONNECT host:80 HTTP/1.1\r\n" + HOST + b"\r\n", "no_tunnel"),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + HOST + b"\r\n", "no_tunnel"),
    ],
)
def test_what_is_not_plain_http_is_refused_in_the_one_shape(port: int, request_: bytes, code: str) -> None:
    assert refused(ask(port, request_)) == (400, code)


def test_a_body_survives_an_offer_of_http_2(port: int) -> None:
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    received = answers(ask(port, post(*offer) + post(), ends=True))
    assert [body["label"] for _, _, body in received] == ["Карта", "Карта"]


def test_http_1_0_needs_no_host(port: int) -> None:
    assert answers(ask(port, b"GET /health/live HTTP/1.0\r\n\r\n"))[0][2] == {"status": "live"}


def test_a_long_address_is_refused(port: int) -> None:
    assert refused(ask(port, b"GET /" + b"a" * 2_048 + b" HTTP/1.1\r\n" + HOST + b"\r\n")) == (414, "address_too_long")
    assert refused(ask(port, b"GET /v1/models?" + b"a" * 2_048 + b" HTTP/1.1\r\n" + HOST + b"\r\n"))[0] == 414


@pytest.mark.parametrize("path", [b"/health/live", b"/health/ready", b"/v1/models", b"/schema"])
def test_head_has_the_headers_of_get(port: int, path: bytes) -> None:
    rest = path + b" HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n"
    head, _, body = ask(port, b"HEAD " + rest).partition(b"\r\n\r\n")
    of_get, _, content = ask(port, b"GET " + rest).partition(b"\r\n\r\n")
    assert (body, head.split(b"date")[0]) == (b"", of_get.split(b"date")[0])
    assert b"content-length: %d" % len(content) in head


# How many


def test_unused_connections_make_room(tmp_path: Path) -> None:
    limits = ConnectionLimits(connections=10, header_timeout_s=60, body_timeout_s=60, idle_timeout_s=60)
    with served_here(app(tmp_path), limits) as port:
        oldest = connect(port)
        oldest.sendall(b"GET /hea")
        assert is_live(port)
        held = [oldest, *(connect(port) for _ in range(15))]
        assert is_live(port)
        assert until_closed(oldest) == b""
        for connection in held:
            connection.close()


def test_half_sent_bodies_make_room(tmp_path: Path) -> None:
    limits = ConnectionLimits(connections=10, header_timeout_s=60, body_timeout_s=60, idle_timeout_s=60)
    with served_here(app(tmp_path), limits) as port:
        held = [connect(port) for _ in range(10)]
        for connection in held:
            connection.sendall(post()[:-1])
        # A newcomer gets an answer as soon as one of them has been silent for a second.
        wait_until(lambda: is_answered(port, LIVE))
        assert is_live(port)
        for connection in held:
            connection.close()


def test_beyond_the_limit_a_client_is_told_so_and_the_others_are_served(caplog: pytest.LogCaptureFixture) -> None:
    limits = ConnectionLimits(connections=10, header_timeout_s=60, body_timeout_s=60, idle_timeout_s=60)
    with served_here(slow_app(60, threading.Event()), limits) as port, connect(port) as established:
        held = [connect(port) for _ in range(9)]
        for connection in (established, *held):
            connection.sendall(LIVE)
            assert b"404 Not Found" in one_answer(connection)
        for connection in held:
            connection.sendall(SLOW)
        (told,) = answers(ask(port, b""))
        assert (told[0], told[1]["retry-after"]) == (503, "1")
        assert sum("All 10 connections are taken" in message for message in caplog.messages) == 1
        established.sendall(LIVE)
        assert b"404 Not Found" in one_answer(established)
        for connection in held:
            connection.close()


def test_bodies_held_are_bounded_together(tmp_path: Path) -> None:
    limits = ConnectionLimits(20, header_timeout_s=60, body_timeout_s=60, idle_timeout_s=60, bodies_bytes=100_000)
    body = json.dumps({"text": "карта", "segment": None}).encode() + b" " * 40_000
    with served_here(app(tmp_path), limits) as port:
        for _ in range(4):  # what is answered counts no more
            assert answers(ask(port, post(body=body), ends=True))[0][0] == 200
        with connect(port) as first, connect(port) as second:
            for connection in (first, second):
                connection.sendall(LIVE)
                assert b"live" in one_answer(connection)
                connection.sendall(post(body=body)[:-1])
            wait_until(lambda: limits.held_bytes == 2 * len(body) - 2)
            assert refused(ask(port, post(body=body))) == (503, "too_busy")
            first.sendall(b" ")
            assert b"200 OK" in one_answer(first)
        wait_until(lambda: limits.held_bytes == 0)


def test_the_log_has_no_trace(port: int, caplog: pytest.LogCaptureFixture) -> None:
    for sent in (post()[:-1], b"GET", b"nonsense\r\n\r\n", post() * 3, BAD_CHUNK):
        ask(port, sent, ends=True)
        with connect(port) as connection:
            connection.sendall(sent)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    time.sleep(0.5)  # what is looked at later has been
    assert is_live(port)
    assert [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"] == []
