"""What a promotion costs a service under load: python -m benchmarks.hot_swap [--workspace DIR] [--processes N]

Two models are promoted in turn, 50 times, while connections ask without a pause: seconds from the promotion until the
last old answer, requests that failed, the slowest answer with and without promotions, memory after one and after all.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import psutil

from benchmarks.http_latency import demo_workspace, figures
from benchmarks.table import machine, print_rows
from firstline.bundle.files import read_manifest
from firstline.bundle.registry import model_folder, promote

_CONNECTIONS = 4
_SWAPS = 50
_ALONE_S = 5.0
_BODY = json.dumps({"text": "где мой перевод"}).encode()
_HEADERS = {"Content-Type": "application/json"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="one with a champion; default: the demo messages are trained on")
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        workspace = arguments.workspace or demo_workspace(Path(folder))
        models = Path(folder) / "models"
        ids = _two_models(workspace / "models", models)
        with _served(models, arguments.processes) as (process, port):
            load = _Load(port)
            memory_mb, waits = _swap(models, ids, load, process)
            times = load.stop()
    rows = [
        ("promotions", f"{_SWAPS}"),
        (
            "seconds until the last old answer, median and longest",
            f"{sorted(waits)[_SWAPS // 2]:.2f}, {max(waits):.2f}",
        ),
        ("answers", f"{sum(map(len, times)):,}"),
        ("failed", f"{load.n_failed:,}"),
        ("p50 and p99 without promotions, ms", ", ".join(figures(times[0]))),
        ("p50 and p99 with them, ms", ", ".join(figures(times[1]))),
        ("slowest with them, ms", f"{max(times[1]):.0f}"),
        ("memory before, after one, after all, MB", ", ".join(f"{one:.0f}" for one in memory_mb)),
    ]
    title = f"{ids[0]}, {arguments.processes} processes, {_CONNECTIONS} connections, {machine()}"
    print_rows(title, ("", "measured"), rows)


def _two_models(source: Path, models: Path) -> list[str]:
    """Two copies of the champion; the second has another temperature, so another id."""
    champion = model_folder(source)
    ids = []
    for warmer in (1.0, 1.01):
        manifest = read_manifest(champion)
        calibration = msgspec.structs.replace(
            manifest.calibration, temperature=manifest.calibration.temperature * warmer
        )
        manifest = msgspec.structs.replace(manifest, calibration=calibration)
        manifest = msgspec.structs.replace(manifest, id=manifest.content_id())
        shutil.copytree(champion, models / manifest.id)
        (models / manifest.id / "manifest.json").write_bytes(msgspec.json.encode(manifest))
        ids.append(manifest.id)
    promote(models, ids[0])
    return ids


@contextmanager
def _served(models: Path, n_processes: int) -> Iterator[tuple[psutil.Process, int]]:
    cores = sorted(os.sched_getaffinity(0))
    pinned = ["taskset", "-c", str(cores[0])] if n_processes == 1 else []
    command = [*pinned, sys.executable, "-m", "firstline", "serve", "--models", str(models), "--port", "0"]
    with subprocess.Popen([*command, "--processes", str(n_processes)], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            found = None
            while not found and (line := process.stderr.readline()):
                found = re.search(r"at http://[\d.]+:(\d+)", line)
            if not found:
                sys.exit("The service did not start.")
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield psutil.Process(process.pid), int(found[1])
        finally:
            process.terminate()


class _Load:
    """Connections that ask without a pause."""

    def __init__(self, port: int) -> None:
        self.n_failed = 0
        self.last_seen: dict[str, float] = {}
        """When each model answered last, in seconds of `time.monotonic`."""
        self.times_ms: list[list[float]] = [[]]
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(port,)) for _ in range(_CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def _ask(self, port: int) -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        while not self._is_over.is_set():
            began = time.monotonic()
            try:
                connection.request("POST", "/v1/classify", _BODY, _HEADERS)
                response = connection.getresponse()
                answer = json.loads(response.read())
            except OSError:
                self.n_failed += 1
                connection.close()
                continue
            self.n_failed += response.status != 200
            ended = time.monotonic()
            self.times_ms[-1].append((ended - began) * 1000)
            if response.status == 200:
                self.last_seen[answer["model"]] = began

    def stop(self) -> list[list[float]]:
        """The times of all answers in ms: before the first promotion, and from then on."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        return self.times_ms


def _swap(models: Path, ids: list[str], load: _Load, process: psutil.Process) -> tuple[list[float], list[float]]:
    """Memory in MB before, after one and after all promotions; seconds that each one took."""
    time.sleep(_ALONE_S)
    memory_mb, waits = [_memory_mb(process)], []
    load.times_ms.append([])
    for place in range(_SWAPS):
        old, new = ids[place % 2], ids[(place + 1) % 2]
        promoted = time.monotonic()
        promote(models, new)
        while load.last_seen.get(new, 0) < promoted or time.monotonic() - load.last_seen[old] < 1:
            time.sleep(0.05)
        waits.append(load.last_seen[old] - promoted)
        if place in (0, _SWAPS - 1):
            memory_mb.append(_memory_mb(process))
    return memory_mb, waits


def _memory_mb(process: psutil.Process) -> float:
    return float(sum(one.memory_info().rss for one in (process, *process.children(recursive=True))) / 1e6)


if __name__ == "__main__":
    main()
