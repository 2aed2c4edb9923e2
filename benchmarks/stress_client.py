"""How many requests the client of `firstline stress` can send: python -m benchmarks.stress_client [--messages FILE]

The server, on the other core, sends one answer of usual length, whatever comes. A second of the client's processor time
is what other programs on the machine cannot change. The latencies at a fixed rate are those of the client itself.
"""

import argparse
import asyncio
import os
import socket
import time
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import msgspec
import uvloop

from benchmarks.table import machine, print_rows
from firstline.stress.load import Load, send
from firstline.stress.outcomes import Outcomes
from firstline.stress.texts import bodies_of

_SECONDS = 8.0
_N_CLASSES = 25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=Path, help="default: the demo messages")
    arguments = parser.parse_args()
    bodies = bodies_of(arguments.messages)
    cores = sorted(os.sched_getaffinity(0))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        server = get_context("fork").Process(target=_serve, args=(listener, cores[-1]), daemon=True)
        server.start()
        os.sched_setaffinity(0, cores[:1])
        loads = [Load(f"http://127.0.0.1:{port}/", bodies, _SECONDS, 32, rate) for rate in (None, 750.0, 3_500.0)]
        rows = [_measured(load) for load in loads]
        server.terminate()
    columns = ("load", "answered a second", "a second of processor time", "p50 ms", "p99 ms", "errors")
    print_rows(f"32 connections, {machine()}", columns, rows)


def _measured(load: Load) -> tuple[str, ...]:
    outcomes, started = Outcomes(), time.process_time()
    send(load, outcomes)
    busy_s = time.process_time() - started
    latency = outcomes.latency_ms()
    return (
        "as fast as answered" if load.rate is None else f"{load.rate:,.0f} a second",
        f"{outcomes.requests_per_s:,.0f}",
        f"{outcomes.n_answered / busy_s:,.0f}",
        f"{latency['p50']:.2f}",
        f"{latency['p99']:.2f}",
        str(outcomes.n_errors + outcomes.n_unsent),
    )


class _Answers(asyncio.Protocol):
    """One answer for whatever has come, which is one request: they are small."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self.answer)


def _serve(listener: socket.socket, core: int) -> None:
    os.sched_setaffinity(0, [core])
    ranking = [{"label": f"the name of class {place}", "confidence": 0.012345} for place in range(_N_CLASSES)]
    body = msgspec.json.encode({"model": "none", "label": "a class", "ranking": ranking, "decision": "route"})
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    _Answers.answer = head.encode() + body

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Answers, sock=listener)
        await server.serve_forever()

    uvloop.run(serve())


if __name__ == "__main__":
    main()
