"""Firstline beside what a team would write itself: python -m benchmarks.served_peers --workspace DIR --messages FILE

Each service runs alone on one core, the client of `firstline stress` on the other, with the same messages. The peer of
a champion `linear.v1` is FastAPI around scikit-learn with the same features, trained on the workspace's messages; that
of `ulmfit.v1` is FastAPI around fastai's `learn.predict`, both directions, of the same shape. The last row is the
framework alone: a Litestar route that answers the same to everything. Peers run in environments of their own
(build/peers).

Ratios are Firstline's requests a second over the peer's. If other programs use the same cores, look at the requests per
second of a service's own processor time instead.
"""

import argparse
import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.http_latency import lstm_shape
from benchmarks.peers.compare import environment
from benchmarks.table import machine, print_rows
from firstline.bundle.files import read_manifest
from firstline.bundle.registry import champion_id
from firstline.store.labelled import read_labelled
from firstline.store.workspace import Workspace
from firstline.stress.load import Load, send
from firstline.stress.outcomes import Outcomes
from firstline.stress.texts import bodies_of

_WARM_UP_S, _FULL_S, _ALONE_S = 3.0, 15.0, 5.0
_CONNECTIONS = 32
_PATIENCE_S = 120.0
_COLUMNS = (
    "service",
    "requests/s",
    "a second of its processor",
    "ratio",
    "alone p50 ms",
    "alone p99 ms",
    "MB",
    "errors",
)


@dataclass(frozen=True)
class Measured:
    """A service under as much as it answers, and its latency with one client."""

    name: str
    full: Outcomes
    alone: Outcomes
    busy_s: float
    resident_mb: float

    @property
    def per_busy_second(self) -> float:
        return self.full.n_answered / self.busy_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, required=True, help="one with a champion linear.v1 or ulmfit.v1")
    parser.add_argument("--messages", type=Path, required=True, help="what to send, in any format that import reads")
    parser.add_argument("--key-file", type=Path, help="a file with a key of the workspace, if it has keys")
    parser.add_argument("--build", type=Path, default=Path("build/peers"))
    arguments = parser.parse_args()
    bodies = bodies_of(arguments.messages)
    key = arguments.key_file.read_text("utf-8").strip() if arguments.key_file else None
    own = [sys.executable, "-m", "firstline", "serve", "--workspace", str(arguments.workspace), "--port", "0"]
    found = [_measured("Firstline", own, "/v1/classify", bodies, key)]
    with TemporaryDirectory() as folder:
        for name, command in _peers(arguments.workspace, Path(folder), arguments.build):
            found.append(_measured(name, command, "/predict", bodies))
    print_rows(
        f"{found[0].full.model}, {_CONNECTIONS} connections for {_FULL_S:.0f} s, then one; {machine()}",
        _COLUMNS,
        [_row(item, found[0]) for item in found],
    )


def _peers(workspace: Path, folder: Path, build: Path) -> Iterator[tuple[str, list[str]]]:
    """The peer of the workspace's champion and the framework alone, each with its command."""
    place = Workspace.find(workspace)
    model = champion_id(place.models)
    if model is None:
        sys.exit("The workspace has no champion.")
    labelled = folder / "labelled.csv"
    with labelled.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "label"))
        rows.writerows((item.message.text, item.label) for item in read_labelled(place.database, place.none_classes))
    candidate = read_manifest(place.models / model).candidate
    if candidate == "linear.v1":
        python = environment("served_sklearn", build)
        yield "FastAPI + scikit-learn", [str(python), "-m", "benchmarks.peers.served_sklearn_", str(labelled)]
    shape = lstm_shape(workspace, model)
    if shape is not None:
        python, widths = environment("served_fastai", build), map(str, shape[:3])
        yield "FastAPI + fastai", [str(python), "-m", "benchmarks.peers.served_fastai_", str(labelled), *widths]
    yield "the framework alone", [sys.executable, "-m", "benchmarks.peers.served_nothing_"]


def _measured(
    name: str, command: Sequence[str], path: str, bodies: Sequence[bytes], key: str | None = None
) -> Measured:
    cores = sorted(os.sched_getaffinity(0))
    with _served(command, cores[0]) as (process, address):
        os.sched_setaffinity(0, cores[-1:])
        try:
            load = Load(address + path, bodies, _FULL_S, _CONNECTIONS, key=key, timeout_s=_PATIENCE_S)
            _outcomes(replace(load, seconds=_WARM_UP_S))
            before = process.cpu_times()
            full = _outcomes(load)
            after = process.cpu_times()
            alone = _outcomes(replace(load, seconds=_ALONE_S, connections=1))
        finally:
            os.sched_setaffinity(0, cores)
        busy_s = after.user + after.system - before.user - before.system
        return Measured(name, full, alone, busy_s, process.memory_info().rss / 1e6)


@contextmanager
def _served(command: Sequence[str], core: int) -> Iterator[tuple[psutil.Process, str]]:
    """A service on one core, and its address."""
    pinned = ["taskset", "-c", str(core), *command]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("w") as file, subprocess.Popen(pinned, stdout=file, stderr=file, env=environment) as process:
            try:
                yield psutil.Process(process.pid), _address(process, log)
            finally:
                process.terminate()


def _address(process: "subprocess.Popen[bytes]", log: Path) -> str:
    """What the service prints once it listens."""
    while not (found := re.search(r"^Serving .*?(http://[\d.]+:\d+)", log.read_text("utf-8"), re.MULTILINE)):
        if process.poll() is not None:
            sys.exit(log.read_text("utf-8"))
        time.sleep(0.1)
    return found[1]


def _outcomes(load: Load) -> Outcomes:
    outcomes = Outcomes()
    send(load, outcomes)
    return outcomes


def _row(item: Measured, own: Measured) -> tuple[str, ...]:
    latency = item.alone.latency_ms()
    return (
        item.name,
        f"{item.full.requests_per_s:,.0f}",
        f"{own.full.requests_per_s / item.full.requests_per_s:.1f}",
        f"{item.per_busy_second:,.0f}",
        f"{own.per_busy_second / item.per_busy_second:.1f}",
        f"{latency['p50']:.2f}",
        f"{latency['p99']:.2f}",
        f"{item.resident_mb:.0f}",
        str(item.full.n_errors + item.alone.n_errors + item.full.refused.total()),
    )


if __name__ == "__main__":
    main()
