"""What a bundle costs to serve: latency and memory of single messages on one core.

A separate process measures it: python -m firstline.evaluation.serving_cost FOLDER. It imports only what
serving needs, and reads messages as JSON from standard input.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from firstline.bundle.predictor import Predictor
from firstline.errors import FirstlineError, TrainingError
from firstline.types import Message

_WARM_UP, _AT_MOST, _PASSES, _LONGEST_S = 10, 200, 5, 600
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ServingCost(msgspec.Struct, frozen=True):
    """`latency_ms` has p50 and p99 of single messages; `memory_bytes` is what loading and answering add."""

    latency_ms: dict[str, float]
    memory_bytes: int


def serving_cost(folder: Path, messages: Sequence[Message]) -> ServingCost:
    """Load the bundle in `folder` and classify up to 200 of `messages`, one by one, on one core.

    Each message is classified five times and its shortest time counts, because other work on the machine only ever
    makes times longer. Raises `TrainingError` if the process fails or takes more than ten minutes.
    """
    sample = messages[:: max(1, len(messages) // _AT_MOST)][:_AT_MOST]
    try:
        found = _run(folder, sample)
    except subprocess.TimeoutExpired:
        raise TrainingError("The model took more than ten minutes to classify 200 messages.") from None
    if found.returncode:
        said = found.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"exit code {found.returncode}"
        if not last.startswith(FirstlineError.__module__):
            last = last.partition(":")[0]  # only the kind of error, since the rest may quote a message
        raise TrainingError(f"The model cannot be loaded or used in a separate process: {last.rstrip('.')}.")
    return msgspec.json.decode(found.stdout, type=ServingCost)


def _run(folder: Path, sample: Sequence[Message]) -> subprocess.CompletedProcess[bytes]:
    # -P keeps out modules of the current folder, where people may have files of their own.
    return subprocess.run(  # noqa: S603 (our own interpreter and module)
        [sys.executable, "-P", "-m", __name__, str(folder)],
        input=msgspec.json.encode([(message.text, message.segment) for message in sample]),
        capture_output=True,
        env={**os.environ, **_ONE_THREAD},
        check=False,
        timeout=_LONGEST_S,
    )


def _measure(folder: Path, messages: Sequence[Message]) -> ServingCost:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    before = resident_bytes()
    predictor = Predictor.load(folder)
    for message in messages[:_WARM_UP]:
        predictor.predict([message])
    times = np.zeros((_PASSES, len(messages)))
    for number in range(_PASSES):
        for place, message in enumerate(messages):
            start = time.perf_counter()
            predictor.predict([message])
            times[number, place] = (time.perf_counter() - start) * 1000
    p50, p99 = np.percentile(times.min(axis=0), [50, 99])
    latency_ms = {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
    return ServingCost(latency_ms, max(resident_bytes() - before, 0))


def resident_bytes() -> int:
    """The resident memory of this process, or 0 if the system does not report it."""
    try:
        n_pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return n_pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    texts = msgspec.json.decode(sys.stdin.buffer.read(), type=list[tuple[str, str | None]])
    sys.stdout.buffer.write(msgspec.json.encode(_measure(Path(sys.argv[1]), [Message(*text) for text in texts])))
