"""Clients that send batches without a pause: the load for benchmarks.http_latency."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection

N_CLIENTS, N_MESSAGES, N_CHARS = 16, 1_000, 200


@contextmanager
def batch_load(host: str, port: int, texts: Sequence[str]) -> Iterator[Counter[str]]:
    """Send batches from a process of its own; what came of them is counted when the block ends, by status."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_send_all, args=(host, port, list(texts), there), daemon=True)
    outcomes: Counter[str] = Counter()
    process.start()
    here.recv()
    try:
        yield outcomes
    finally:
        here.send("stop")
        outcomes.update(here.recv())
        process.join()


def _send_all(host: str, port: int, texts: list[str], control: Connection) -> None:
    stop, outcomes = threading.Event(), Counter[str]()
    threads = [
        threading.Thread(target=_send, args=(host, port, body, stop, outcomes))
        for body in (_body(texts, client) for client in range(N_CLIENTS))
    ]
    for thread in threads:
        thread.start()
    time.sleep(1)
    control.send("started")
    control.recv()
    stop.set()
    for thread in threads:
        thread.join()
    control.send(outcomes)


def _body(texts: list[str], client: int) -> bytes:
    long = [" ".join(texts[place - 40 : place])[:N_CHARS] for place in range(40, len(texts))]
    messages = [{"id": n, "text": long[(client * N_MESSAGES + n) % len(long)]} for n in range(N_MESSAGES)]
    return json.dumps({"messages": messages}).encode()


def _send(host: str, port: int, body: bytes, stop: threading.Event, outcomes: Counter[str]) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=600)
    while not stop.is_set():
        try:
            connection.request("POST", "/v1/classify/batch", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            outcomes[str(response.status)] += 1
            if response.status == 503:
                stop.wait(float(response.headers["Retry-After"]))
        except OSError as error:
            outcomes[type(error).__name__] += 1
            connection.close()
