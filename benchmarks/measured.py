"""What a command takes: seconds, processor seconds, and memory."""

import resource
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_POLL_S = 0.2


@dataclass(frozen=True)
class Run:
    """What a command took, and what it printed. Memory is that of all its processes together, at their peak."""

    seconds: float
    processor_s: float
    memory_mb: float
    output: str = ""


def run(command: Sequence[str]) -> Run:
    """Raises `AssertionError` if it does not end with 0."""
    used = _children_s()
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        peak = [0.0]
        threading.Thread(target=_watch, args=(process, peak), daemon=True).start()
        output = process.communicate()[0]
    assert process.returncode == 0, process.returncode
    return Run(time.perf_counter() - began, _children_s() - used, peak[0], output)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(process: "subprocess.Popen[str]", peak: list[float]) -> None:
    """Keep the most megabytes that the process and its children hold."""
    while process.poll() is None:
        try:
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            peak[0] = max(peak[0], sum(one.memory_info().rss for one in family) / 1e6)
        except psutil.NoSuchProcess:
            pass
        time.sleep(_POLL_S)
