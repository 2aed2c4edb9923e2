"""Firstline's image on one core: python -m benchmarks.container_check WORKSPACE... [--minutes 10]

Builds both images from the wheels in `dist/`, without a network, and runs `serve` as docs/deploy.md says: one pinned
core, 1 GiB, no network, a read-only root, no capabilities. The client enters the container's network from another core.
For each workspace: how fast it starts; the most it answers with 32 connections; its latency at half of that; 80 % of it
for some minutes, with the memory before and after; twice of it for a minute, and how soon it is normal again; its end.
Prints one table and writes it to build/container-check.json. Needs Debian, root, two cores.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.containers import PORT, ROOT, Container, Podman, install_tools, make_base, served_copy
from benchmarks.table import machine, print_rows
from firstline.bundle.registry import model_folder

_OUT = ROOT / "build" / "container-check.json"
_CONNECTIONS = 32
_MOST_CONNECTIONS = 800
"""More come near `serving.max_connections`, where a new connection replaces one without a whole request."""
_URL = f"http://127.0.0.1:{PORT}"
_SLACK_MS = 20.0
"""A request is normal again if it takes this much longer than the 99th percentile at half load, or less."""

Figures = Mapping[str, float | str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspaces", type=Path, nargs="+", help="folders with models and a champion")
    parser.add_argument("--seconds", type=float, default=20, help="how long each short phase takes")
    parser.add_argument("--minutes", type=float, default=10, help="how long 80 %% of the maximum is sent")
    parser.add_argument("--overload-s", type=float, default=60, help="how long twice the maximum is sent")
    parser.add_argument("--without-train", action="store_true", help="build only the image that serves")
    arguments = parser.parse_args()
    service_core, client_core = sorted(os.sched_getaffinity(0))[:2]
    install_tools()
    make_base()
    columns: dict[str, Figures] = {}
    with TemporaryDirectory(prefix="firstline-container-") as folder, Podman(Path(folder)) as podman:
        image = podman.build("serve")
        sizes: Figures = {"image serve, MB": podman.size_mb(image)}
        if not arguments.without_train:
            sizes = {**sizes, "image train, MB": podman.size_mb(podman.build("train"))}
        for number, workspace in enumerate(arguments.workspaces):
            served = served_copy(workspace, Path(folder) / f"served-{number}")
            model = model_folder(served.workspace / "models").name
            with podman.serving(image, served.workspace, service_core) as container:
                client = _Client(container, served.key_file, client_core, arguments.seconds)
                try:
                    found = dict(_phases(podman, client, arguments.minutes * 60, arguments.overload_s))
                except RuntimeError as error:
                    sys.exit(f"{model}: {error}\n{podman.logs(container)[-4_000:]}")
            columns[model] = {**found, **sizes}
    _OUT.parent.mkdir(exist_ok=True)
    _OUT.write_text(json.dumps({"machine": machine(), "models": columns}, indent=2) + "\n", "utf-8")
    _print(columns)


@dataclass(frozen=True)
class _Load:
    """What came of a load. `errors` are counted by kind, `refused` by status; `unsent` found no free connection."""

    requests_per_s: float
    latency_ms: Mapping[str, float]
    errors: Mapping[str, int]
    refused: Mapping[str, int]
    unsent: int

    def rows(self, phase: str) -> Iterator[tuple[str, float | str]]:
        yield from ((f"{phase}: {name} ms", value) for name, value in self.latency_ms.items())
        yield f"{phase}: errors", _counted(self.errors)
        yield f"{phase}: refused", _counted(self.refused)
        yield f"{phase}: unsent", self.unsent


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} ({kind})" for kind, count in kinds.items()) or "0"


class _Client:
    """Sends messages to a container from inside its network, on a core of its own."""

    def __init__(self, container: Container, key_file: Path, core: int, seconds: float) -> None:
        self.container = container
        self.seconds = seconds
        self._key = ["--key-file", str(key_file)]
        self._before = [*container.inside_its_network(core), sys.executable, "-m"]

    def load(self, seconds: float, rate: float | None = None, connections: int = _CONNECTIONS) -> "_Load":
        """`firstline stress`: with a rate an open loop, whose latencies start when a request was due."""
        command = [*self._before, "firstline", "stress", "--url", _URL, "--seconds", str(seconds), "--json"]
        command += ["--connections", str(connections), *self._key, *(["--rate", str(rate)] if rate else [])]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT)
        if not done.stdout:
            raise RuntimeError(f"The load failed: {done.stderr}")
        found = json.loads(done.stdout)
        latency_ms = {name: found["latency_ms"].get(name, math.inf) for name in ("p50", "p90", "p99")}
        return _Load(found["requests_per_s"], latency_ms, found["errors"], found["refused"], found["unsent"])

    def normal_after(self, since: float, within_ms: float = 5_000) -> float:
        """The seconds from `since`, a second of the monotonic clock, until an answer takes at most `within_ms`."""
        command = [*self._before, "benchmarks.normal_again", _URL, "--within-ms", str(within_ms), *self._key]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"The service does not answer: {done.stderr}")
        return float(json.loads(done.stdout)["at"]) - since


def _phases(podman: Podman, client: _Client, long_s: float, overload_s: float) -> Iterator[tuple[str, float | str]]:
    """The rows of the table for one model."""
    container = client.container
    yield "start to first answer, s", client.normal_after(container.asked_at)
    yield "health check", podman.health(container)
    client.load(client.seconds / 4)
    most = client.load(client.seconds)
    yield "maximum, requests/s", most.requests_per_s
    yield from most.rows("at the maximum")
    half = client.load(client.seconds, most.requests_per_s / 2)
    yield from half.rows("at half")
    before_mb = container.memory_mb()
    long = client.load(long_s, 0.8 * most.requests_per_s)
    yield from long.rows(f"at 80 % for {long_s / 60:g} min")
    yield "memory before, MB", before_mb
    yield "memory after, MB", container.memory_mb()
    over = client.load(overload_s, 2 * most.requests_per_s, _MOST_CONNECTIONS)
    ended = time.monotonic()
    again_s = client.normal_after(ended, half.latency_ms["p99"] + _SLACK_MS)
    yield f"at twice for {overload_s:g} s: answered/s", over.requests_per_s
    yield from over.rows(f"at twice for {overload_s:g} s")
    yield "normal again after, s", again_s
    yield "memory after that, MB", container.memory_mb()
    yield "exit code after SIGTERM", podman.stop(container)


def _print(columns: Mapping[str, Figures]) -> None:
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    rows = [(name, *(_shown(figures.get(name, "")) for figures in columns.values())) for name in names]
    print_rows(f"One core of {machine()}, in a container with 1 GiB", ("", *columns), rows)


def _shown(figure: float | str) -> str:
    if isinstance(figure, str):
        return figure
    return f"{figure:,.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.2f}"


if __name__ == "__main__":
    main()
