import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import ServiceUnusable
from firstline.stress.load import Load, send
from firstline.stress.outcomes import Outcomes
from tests.certificates import write_certificate
from tests.scripted import Answer, scripted


def sent(answer: Answer = lambda number: 200, **given: Any) -> Outcomes:
    """What comes of a short load on a service that answers so."""
    settings = {"bodies": [b"{}"], "seconds": 0.3, "connections": 2, **given}
    outcomes = Outcomes()
    with scripted(answer) as service:
        send(Load(f"{service.url}/v1/classify", **settings), outcomes)
    return outcomes


def test_bodies_go_out_in_turn_as_json_with_the_key() -> None:
    bodies = [b'{"text": "one"}', b'{"text": "two"}', b'{"text": "three"}']
    with scripted() as service:
        send(Load(service.url, bodies, 0.3, 1, key="secret"), Outcomes())
    assert len(service.bodies) > 4
    counts = [service.bodies[1:].count(body) for body in bodies]
    assert max(counts) - min(counts) <= 1
    assert service.headers["Authorization"] == "Bearer secret"
    assert service.headers["Content-Type"] == "application/json"


@contextmanager
def over_tls(folder: Path) -> Iterator[tuple[str, Path]]:
    """A service that speaks HTTPS; gives its host and port, and its certificate."""
    certificate, key = write_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with scripted(tls=context) as service:
        yield service.url.removeprefix("https://"), certificate


def problem(url: str) -> ServiceUnusable:
    with pytest.raises(ServiceUnusable) as raised:
        send(Load(url, [b"{}"], 0.1, 1), Outcomes())
    return raised.value


def test_a_certificate_that_is_not_trusted_is_named_as_the_cause(tmp_path: Path) -> None:
    with over_tls(tmp_path) as (at, _):
        told = problem(f"https://{at}")
    assert "is not trusted: self-signed certificate" in told.message
    assert "SSL_CERT_FILE" in told.next_step


def test_ssl_cert_file_names_an_authority_to_trust(tmp_path: Path) -> None:
    with over_tls(tmp_path) as (at, certificate):
        command = [sys.executable, "-m", "firstline", "stress", "--seconds", "0.2", "--url", f"https://{at}"]
        done = subprocess.run(
            command, env={**os.environ, "SSL_CERT_FILE": str(certificate)}, capture_output=True, check=False
        )
    assert (done.returncode, b"answered" in done.stdout) == (0, True)


def test_http_to_a_service_that_speaks_https_says_so(tmp_path: Path) -> None:
    with over_tls(tmp_path) as (at, _):
        told = problem(f"http://{at}")
    assert "It may speak HTTPS" in told.next_step


def test_https_to_a_service_that_speaks_http_says_so() -> None:
    with scripted() as service:
        told = problem(service.url.replace("http:", "https:"))
    assert "does not speak TLS" in told.message
    assert "It may speak HTTP:" in told.next_step


def test_without_a_key_none_is_sent() -> None:
    with scripted() as service:
        send(Load(service.url, [b"{}"], 0.1, 1), Outcomes())
    assert "Authorization" not in service.headers


def test_the_first_answer_names_the_model_and_is_not_counted() -> None:
    with scripted() as service:
        outcomes = Outcomes()
        send(Load(service.url, [b"{}"], 0.1, 1), outcomes)
    assert outcomes.model == "toy.v1-0001"
    assert outcomes.n_answered == len(service.bodies) - 1 > 0
    assert outcomes.elapsed_s >= 0.1


def test_refusals_are_apart_from_errors() -> None:
    outcomes = sent(lambda number: 200 if number == 0 else (200, 429, 503, 500)[number % 4])
    assert outcomes.refused.keys() == {429, 503}
    assert outcomes.errors.keys() == {"status 500"}
    assert outcomes.n_answered > 0


def test_a_lost_connection_is_an_error_and_the_load_goes_on() -> None:
    outcomes = sent(lambda number: 0 if number == 1 else 200)
    assert outcomes.errors == {"connection": 1}
    assert outcomes.n_answered > 0


def test_an_answer_that_does_not_come_is_a_timeout() -> None:
    over = threading.Event()

    def answer(number: int) -> int:
        if number:
            over.wait(10)
        return 200

    threading.Timer(0.8, over.set).start()
    outcomes = sent(answer, seconds=0.15, connections=1, timeout_s=0.1)
    assert outcomes.errors.keys() == {"timeout"}
    assert outcomes.n_answered == 0


def test_a_rate_is_kept() -> None:
    outcomes = sent(rate=20, seconds=0.5)
    assert outcomes.n_answered + outcomes.n_unsent == 10
    assert outcomes.elapsed_s >= 0.49


def test_latency_starts_when_a_request_was_due() -> None:
    """A service that stalls once holds up the requests behind it, and their latencies tell."""

    def answer(number: int) -> int:
        if number == 1:
            time.sleep(0.5)
        return 200

    outcomes = sent(answer, rate=50, seconds=1, connections=1)
    assert sum(latency > 0.1 for latency in outcomes.latencies_s) > 10


def test_requests_that_found_no_connection_are_counted() -> None:
    def answer(number: int) -> int:
        time.sleep(0.3 if number else 0)
        return 200

    outcomes = sent(answer, rate=100, seconds=0.2, connections=1)
    assert outcomes.n_answered == 1
    assert outcomes.n_unsent == 19


def test_what_was_measured_is_left_after_an_interruption() -> None:
    def answer(number: int) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return 200

    outcomes = Outcomes()
    # A shell that starts the tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with scripted(answer) as service, pytest.raises(KeyboardInterrupt):
            send(Load(service.url, [b"{}"], 60, 1), outcomes)
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcomes.n_answered >= 2
    assert 0 < outcomes.elapsed_s < 60


def test_a_service_that_is_not_there_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ServiceUnusable, match="Connection refused") as caught:
        send(Load(f"http://127.0.0.1:{port}/", [b"{}"], 60, 1), Outcomes())
    assert "firstline serve" in caught.value.next_step


@pytest.mark.parametrize(("status", "said"), [(401, "--key-file"), (403, "--key-file"), (404, "--url"), (500, "log")])
def test_a_service_that_takes_no_message_is_said_at_once(status: int, said: str) -> None:
    with pytest.raises(ServiceUnusable, match=str(status)) as caught:
        sent(lambda number: status, seconds=60)
    assert said in caught.value.next_step


def test_a_service_that_is_busy_from_the_start_is_measured() -> None:
    outcomes = sent(lambda number: 503)
    assert outcomes.refused[503] > 0
    assert outcomes.n_errors == 0
