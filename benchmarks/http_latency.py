"""How long one message takes over HTTP, the service on one core: python -m benchmarks.http_latency [--workspace DIR]

Without a workspace, the demo messages are trained on. Beside it, in the same run: /health/live of
the same service, which is what HTTP alone costs, and for `ulmfit.v1` fastai's own predict on the
same core, which is what PyTorch eager costs without HTTP. Then the same while 16 clients send batches of 1,000
messages of 200 characters (`--no-batches` leaves that out); health and single messages must stay under 100 ms there.
"""

import argparse
import csv
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import fastai_predict
from benchmarks.batch_load import N_MESSAGES, batch_load
from benchmarks.table import machine, print_rows
from firstline.bundle.files import read_manifest

_REQUESTS = 2_000
_WARM_UP = 200
_EAGER_TEXTS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, help="one with a champion")
    parser.add_argument("--no-batches", action="store_true", help="measure only the idle service")
    parser.add_argument("--messages", type=Path, help="a CSV with a column 'text'; default: the demo messages")
    arguments = parser.parse_args()
    demo = files("firstline.messages").joinpath("demo/history.csv").read_text("utf-8")
    content = arguments.messages.read_text("utf-8") if arguments.messages else demo
    texts = [row["text"] for row in csv.DictReader(content.splitlines(keepends=True))][:1_000]
    with TemporaryDirectory() as folder:
        workspace = arguments.workspace or demo_workspace(Path(folder))
        _measure(workspace, texts, with_batches=not arguments.no_batches)


def demo_workspace(folder: Path) -> Path:
    firstline = [sys.executable, "-m", "firstline"]
    for command in (
        ["init", str(folder / "w"), "--demo"],
        ["import", str(folder / "w/history.csv"), "-w", str(folder / "w")],
        ["train", "-w", str(folder / "w")],
    ):
        subprocess.run([*firstline, *command], check=True, capture_output=True)
    return folder / "w"


def _measure(workspace: Path, texts: list[str], with_batches: bool) -> None:
    cores = sorted(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(cores[0]), sys.executable, "-m", "firstline", "serve", "-w", str(workspace)]
    with subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            os.sched_setaffinity(0, cores[-1:])
            assert process.stderr
            # Notes about the model come before; at the end of the output the service has ended.
            said, found = "", None
            while not found and (line := process.stderr.readline()):
                said += line
                found = re.search(r"Serving (\S+) at http://([\d.]+):(\d+)", line)
            if not found:
                sys.exit(said)
            connection = http.client.HTTPConnection(found[2], int(found[3]), timeout=30)
            bodies = [json.dumps({"text": text}).encode() for text in texts]
            floor = _times(connection, "GET", "/health/live", [b""])
            answers = _times(connection, "POST", "/v1/classify", bodies)
            measured = {"GET /health/live": floor, "POST /v1/classify": answers}
            if with_batches:
                with batch_load(found[2], int(found[3]), texts) as outcomes:
                    measured["GET /health/live, batches beside"] = _times(connection, "GET", "/health/live", [b""], 300)
                    measured["POST /v1/classify, batches beside"] = _times(
                        connection, "POST", "/v1/classify", bodies, 300
                    )
                print(f"Batches of {N_MESSAGES:,} messages answered beside, by status: {dict(outcomes)}")
            resident_mb = _resident_mb(process.pid)
            connection.close()
        finally:
            os.sched_setaffinity(0, cores)
            process.terminate()
    if (shape := lstm_shape(workspace, found[1])) is not None:
        os.sched_setaffinity(0, cores[-1:])
        try:
            measured["fastai's predict, in process"] = fastai_predict.times_ms(texts[:_EAGER_TEXTS], *shape)
        finally:
            os.sched_setaffinity(0, cores)
    rows = [
        (name, f"{len(times):,}", *figures(times), f"{statistics.median(times) / statistics.median(floor):.1f}")
        for name, times in measured.items()
    ]
    print_rows(
        f"{found[1]}, requests in turn, service on one core of {machine()}, {resident_mb:.0f} MB",
        ("request", "requests", "p50 ms", "p99 ms", "ratio of p50"),
        rows,
    )


def lstm_shape(workspace: Path, model: str) -> tuple[int, int, int, int] | None:
    """Widths, layers and labels of an `ulmfit.v1`; None for other candidates."""
    manifest = read_manifest(workspace / "models" / model)
    models = manifest.training.candidate_settings.get("language_models") if manifest.training else None
    if not isinstance(models, dict):
        return None
    shape = next(iter(models.values()))["shape"]
    return shape["n_embedding"], shape["n_hidden"], shape["n_layers"], len(manifest.labels)


def _times(
    connection: http.client.HTTPConnection, method: str, path: str, bodies: list[bytes], n_requests: int = _REQUESTS
) -> list[float]:
    times = []
    for number in range(_WARM_UP + n_requests):
        started = time.perf_counter()
        connection.request(method, path, bodies[number % len(bodies)] or None, {"Content-Type": "application/json"})
        response = connection.getresponse()
        response.read()
        if number >= _WARM_UP:
            times.append((time.perf_counter() - started) * 1000)
        if response.status not in (200, 422):
            sys.exit(f"{path} answered {response.status}")
    return times


def figures(times: list[float]) -> tuple[str, str]:
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49]:.2f}", f"{cuts[98]:.2f}"


def _resident_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]


if __name__ == "__main__":
    main()
