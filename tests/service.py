"""Starting the real service in a process of its own."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Running:
    """A service that answers at `address`."""

    address: str
    process: subprocess.Popen[str]


@contextmanager
def served(workspace: Path, log: Path, *options: str) -> Iterator[Running]:
    """`firstline serve` on a free port, stopped by SIGTERM at the end."""
    command = [sys.executable, "-m", "firstline", "serve", "-w", str(workspace), "--port", "0", *options]
    with log.open("w", encoding="utf-8") as file, subprocess.Popen(command, stderr=file, text=True) as process:
        try:
            yield Running(_address(process, log), process)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    for _ in range(300):
        found = re.search(r"at (http://\S+)", log.read_text("utf-8"))
        if found:
            return found[1]
        if process.poll() is not None:
            raise RuntimeError(f"The service ended: {log.read_text('utf-8')}")
        time.sleep(0.1)
    raise RuntimeError("The service did not start.")
