"""The log: a line for each request, never with a text, and never at the expense of an answer."""

import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from firstline.serving.exchange import Exchange
from firstline.serving.front import Front
from firstline.serving.log import Log, LogHandler
from firstline.settings.model import LogChoice
from tests.service import wait_until


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def descriptor(file: Path) -> Iterator[int]:
    opened = os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    yield opened
    os.close(opened)


def answered(status: int = 200, route: str = "/v1/classify", **fields: Any) -> Exchange:
    exchange = Exchange("r-1", "POST", route)
    exchange.status = status
    for name, value in fields.items():
        setattr(exchange, name, value)
    return exchange


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_request_is_one_line_of_json(file: Path, descriptor: int) -> None:
    log = Log(descriptor)
    answers = [("Карта", "route"), ("Карта", "unknown"), ("Перевод", "route")]
    log.observe(answered(model="m", key="crm", answers=answers, n_failed=1), 0.0123)
    log.close()
    (line,) = lines(file)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "message": "answered",
        "request_id": "r-1",
        "method": "POST",
        "route": "/v1/classify",
        "status": 200,
        "ms": 12.3,
        "model": "m",
        "key": "crm",
        "messages": 4,
        "decisions": {"route": 2, "unknown": 1},
    }


def test_a_refused_key_names_the_client(file: Path, descriptor: int) -> None:
    log = Log(descriptor)
    log.observe(answered(401, error="key_unknown", client="10.0.0.7"), 0.001)
    log.close()
    assert lines(file)[0]["client"] == "10.0.0.7"


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("all", [200, 404, 503, 500, None]), ("errors", [404, 503, 500, None]), ("none", [])],
)
def test_the_setting_says_which_requests_are_logged(
    file: Path, descriptor: int, choice: LogChoice, expected: list[int | None]
) -> None:
    log = Log(descriptor, choice)
    for status in (200, 404, 503, 500, 0):
        log.observe(answered(status), 0.01)
    log.close()
    assert [line.get("status") for line in lines(file)] == expected


@pytest.mark.parametrize("route", ["/health/live", "/health/ready", "/metrics"])
def test_probes_are_logged_only_if_they_fail(file: Path, descriptor: int, route: str) -> None:
    log = Log(descriptor)
    log.observe(answered(200, route), 0.01)
    log.observe(answered(500, route), 0.01)
    log.close()
    assert [line["status"] for line in lines(file)] == [500]


def record(message: str, name: str = "firstline.serving", error: Exception | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord(name, logging.ERROR, "x", 1, message, None, told)


def test_the_log_of_an_error_has_its_place_and_not_its_text(file: Path, descriptor: int) -> None:
    log, text = Log(descriptor), "арбуз"
    try:
        raise ValueError(text)
    except ValueError as error:
        LogHandler(log).emit(record("failed", error=error))
    log.close()
    (line,) = lines(file)
    assert line["message"] == "failed"
    assert "ValueError" in line["trace"]
    assert "test_log.py" in line["trace"]
    assert text not in file.read_text("utf-8")


def test_what_another_library_quotes_below_its_first_line_is_not_logged(file: Path, descriptor: int) -> None:
    log = Log(descriptor)
    LogHandler(log).emit(record("Task exception was never retrieved\nfuture: <Task арбуз>", "asyncio"))
    log.close()
    (line,) = lines(file)
    assert (line["message"], line["logger"]) == ("Task exception was never retrieved", "asyncio")


def test_a_message_that_is_no_text_is_logged_all_the_same(file: Path, descriptor: int) -> None:
    log = Log(descriptor)
    LogHandler(log).emit(record("file \udcff"))
    log.close()
    assert lines(file)[0]["message"] == "file \\udcff"


def test_a_wrong_call_of_logging_ends_nobody(file: Path, descriptor: int) -> None:
    log = Log(descriptor)
    LogHandler(log).emit(logging.LogRecord("firstline", logging.INFO, "x", 1, "%d models", ("no",), None))
    log.close()
    assert lines(file)[0]["message"] == "%d models"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_counted_and_nothing_else() -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    log = Log(descriptor)
    for _ in range(20_000):
        log.observe(answered(), 0.01)
    wait_until(lambda: log.n_dropped > 0)
    log.close()
    os.close(descriptor)


def test_a_pipe_that_nobody_reads_is_counted_and_goes_on_without_half_a_line() -> None:
    reading, writing = os.pipe()
    log = Log(writing)
    for _ in range(20_000):
        log.observe(answered(), 0.01)
    wait_until(lambda: log.n_dropped > 0)
    received = b""
    while received.count(b"\n") < 1_000:
        received += os.read(reading, 65_536)
    assert all(json.loads(line)["status"] == 200 for line in received.split(b"\n")[:1_000])
    # A reader that has gone, so that the thread ends.
    os.close(reading)
    log.close()
    os.close(writing)


def test_room_for_half_a_line_leaves_no_half_line() -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4_096)
    os.set_blocking(writing, False)
    log = Log(writing)
    for number in range(100):
        log.observe(answered(request_id=f"r-{number}"), 0.01)
    received = b""
    while received.count(b"\n") < 100:
        received += os.read(reading, 1_000)
    log.close()
    assert [json.loads(line)["request_id"] for line in received.splitlines()] == [f"r-{n}" for n in range(100)]
    os.close(reading)
    os.close(writing)


def test_lines_of_two_processes_do_not_mix_in_a_pipe() -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4_096)
    logs = [Log(writer), Log(writer)]  # Two threads write as two processes do.
    for log in logs:
        for _ in range(2_000):
            log.observe(answered(), 0.001)
    received = b""
    while received.count(b"\n") < 4_000:
        received += os.read(reader, 1_000)
        time.sleep(0.0001)
    for log in logs:
        log.close()
    os.close(reader)
    os.close(writer)
    assert {json.loads(line)["request_id"] for line in received.splitlines()} == {"r-1"}


def test_a_reader_that_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    log = Log(writing)
    log.observe(answered(), 0.01)
    log.close()
    os.close(writing)


BAD = [
    ("POST", "/v1/classify", b'{"text": 5, "lemon": "lemon"}'),
    ("POST", "/v1/classify", b'{"text": "lemon", "segment": 1}'),
    ("POST", "/v1/classify", b'lemon {"text": '),
    ("POST", "/v1/classify", b"\xfflemon"),
    ("POST", "/v1/classify", b'{"text": "' + b"lemon" * 30 + b'"}'),
    ("POST", "/v1/classify?explain=lemon", b'{"text": "a"}'),
    ("POST", "/v1/classify/batch", b'{"messages": [{"text": "lemon", "id": []}]}'),
    ("POST", "/v1/classify/batch", b'{"messages": "lemon"}'),
    ("GET", "/lemon", b""),
    ("GET", "/schema/lemon", b""),
    ("DELETE", "/v1/classify", b"lemon"),
]


@pytest.mark.parametrize(("method", "path", "body"), BAD)
def test_a_bad_request_leaves_its_code_and_no_text(
    app: Litestar, file: Path, descriptor: int, method: str, path: str, body: bytes
) -> None:
    log = Log(descriptor)
    handler = LogHandler(log)
    logging.getLogger().addHandler(handler)
    try:
        with TestClient(Front(app, observer=lambda exchange: log.observe(exchange, 0.01))) as client:
            client.headers["content-type"] = "application/json"
            client.request(method, path, content=body)
    finally:
        logging.getLogger().removeHandler(handler)
    log.close()
    (line,) = [line for line in lines(file) if "status" in line]
    if line["status"] != 200:
        assert line["error"]
    assert "lemon" not in file.read_text("utf-8")
