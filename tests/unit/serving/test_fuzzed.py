"""Broken requests over a raw socket, drawn from seeds: no 5xx but 503, no trace, and the next client is served."""

import logging
import random
import re
import socket
from collections.abc import Iterator

import pytest

from firstline.bundle.predictor import Predictor
from firstline.bundle.registry import promote
from firstline.serving.app import create_app
from firstline.serving.current import Current
from firstline.serving.limits import ConnectionLimits
from firstline.serving.service import Service
from firstline.settings.model import ServingSettings
from tests.bundles import make_bundle
from tests.service import served_here

LIMITS = ConnectionLimits(connections=50, header_timeout_s=0.3, body_timeout_s=1.0, idle_timeout_s=0.3)
LIVE = b"GET /health/live HTTP/1.1\r\nHost: service\r\nConnection: close\r\n\r\n"
GROUP = 15

METHODS = (b"GET", b"POST", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"TRACE", b"CONNECT", b"PRI", b"get", b"", b"\xff")
PATHS = (
    b"/v1/classify",
    b"/v1/classify/batch",
    b"/v1/models",
    b"/health/live",
    b"/schema",
    b"/",
    b"//",
    b"/schema/../v1/models",
    b"/v2/models/firstline/infer",
    b"/v2/models/firstline/versions/1/infer",
    b"/%00",
    b"/%ff%fe",
    b"/%",
    b"*",
    b"",
    b"http://service/health/live",
    b"service:80",
    b"/" + b"a" * 5_000,
    b"/v1/classify?" + b"a=1&" * 1_000,
    "/карта".encode(),
)
VERSIONS = (b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"HTTP/0.9", b"HTTP/9", b"http/1.1", b"", b"SIP/2.0")
HEADERS = (
    b"Content-Type: application/json",
    b"Content-Type: text/html; charset=koi8-r",
    b"Content-Type: ;;;=",
    b"Content-Type: multipart/form-data; boundary=",
    b"Content-Encoding: gzip",
    b"Inference-Header-Content-Length: 9",
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"Content-Length: -5",
    b"Content-Length: 99999999999999999999999",
    b"Content-Length: 0x10",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Expect: 100-continue",
    b"Expect: the unexpected",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Host: other",
    b"Host:",
    b"Cookie: a=b; =; ;;",
    b"Accept: application/json;q=nonsense, */*;q=-1",
    b"Accept: ",
    b"Range: bytes=0-0",
    b"X-Forwarded-For: \xff\xfe",
    b"X-Http-Method-Override: DELETE",
    b"no colon",
    b": no name",
    b"  folded: 1",
    b"X: \x00",
    b"X: " + b"a" * 3_000,
    "Ключ: значение".encode(),
)
BODIES = (
    '{"text": "карта"}'.encode(),
    '{"messages": [{"id": 1, "text": "карта"}, null, {"text": "\\ud83d"}]}'.encode(),
    b"",
    b"null",
    b"[[[[[[",
    b'{"text": ' + b"9" * 5_000 + b"}",
    b"\x00\xff" * 50,
    b"5\r\nhello\r\n0\r\n\r\n",
    b"fffffffffffffffff\r\nhello",
    b"-1\r\n",
    b"5;ext=" + b"a" * 2_000 + b"\r\nhello\r\n0\r\nTrailer: 1\r\n\r\n",
)


def draw(chance: random.Random) -> bytes:
    """One to three requests in a row, most of them broken somewhere."""
    sent = b"".join(_request(chance) for _ in range(chance.choice((1, 1, 1, 2, 3))))
    for _ in range(chance.choice((0, 0, 1, 3))):
        place = chance.randrange(len(sent) + 1)
        sent = sent[:place] + bytes([chance.randrange(256)]) + sent[place + chance.randrange(2) :]
    return sent[: chance.randrange(len(sent) + 1)] if chance.random() < 0.25 else sent


def _request(chance: random.Random) -> bytes:
    body = chance.choice(BODIES)
    is_sane = chance.random() < 0.5
    line = [
        chance.choice(METHODS[:2] if is_sane else METHODS),
        chance.choice(PATHS[:5] if is_sane else PATHS),
        b"HTTP/1.1" if is_sane else chance.choice(VERSIONS),
    ]
    lines = [b" ".join(line), *chance.sample(HEADERS, chance.randrange(4))]
    if chance.random() < 0.9:
        lines.append(b"Host: service")
    if chance.random() < 0.6:
        lines.append(b"Content-Length: %d" % len(body))
    end = b"\r\n" if chance.random() < 0.9 else chance.choice((b"\n", b"\r", b"\r\n\r\n"))
    return end.join([*lines, b"", body])


def statuses(port: int, sent: bytes, ends: bool) -> list[int]:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=15) as connection:
        try:
            connection.sendall(sent)
            if ends:
                connection.shutdown(socket.SHUT_WR)
            while more := connection.recv(65_536):
                received += more
        except ConnectionError:
            pass
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("models")
    written = make_bundle(folder)
    promote(folder, written.id)
    service = Service(Predictor.load(folder / written.id), folder, ServingSettings(max_body_bytes=4_000))
    with served_here(create_app(Current(service)), LIMITS) as port:
        yield port


def fuzz(port: int, seed: int, caplog: pytest.LogCaptureFixture) -> set[int]:
    chance = random.Random(seed)
    seen: set[int] = set()
    for number in range(GROUP):
        sent = draw(chance)
        found = statuses(port, sent, ends=chance.random() < 0.8)
        assert all(status < 500 or status == 503 for status in found), (seed, number, sent)
        seen.update(found)
    assert statuses(port, LIVE, ends=False) == [200]
    told = [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]
    assert told == [], seed
    return seen


def test_broken_requests_are_refused(port: int, caplog: pytest.LogCaptureFixture) -> None:
    seen: set[int] = set()
    for seed in range(12):
        seen |= fuzz(port, seed, caplog)
    assert {200, 400, 404, 405, 415} <= seen


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 1_667))
def test_more_broken_requests_are_refused(port: int, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    assert fuzz(port, seed, caplog)
