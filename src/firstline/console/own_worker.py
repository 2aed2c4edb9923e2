"""A worker that the console starts for itself, so that suggestions and trainings need no other step."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 600.0
_END_S = 3.0
"""How long the console waits for its worker when it ends; the worker stops its job and ends by itself."""
_MOST_LINE_CHARS = 1_000
_LESS_URGENT = 10
"""The worker gives way to the pages on a machine with few cores."""
_log = logging.getLogger("firstline.console")


class OwnWorker:
    """Runs `command`, by default a worker of the workspace in `folder`, in a process of its own; its output is logged.

    A worker that ends is started again after a pause: 5 seconds, doubled each time, at most 10 minutes. One that ran
    for 10 minutes begins anew with 5 seconds. The worker ends when its standard input does, which is a pipe from this
    process, so it also ends if this process is killed.
    """

    def __init__(self, folder: Path, command: Sequence[str] = ()) -> None:
        self._command = command or [
            sys.executable,
            *("-m", "firstline", "worker", "--until-input-ends", "--workspace", str(folder)),
        ]
        self._is_over = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._keep_running, name="worker", daemon=True)

    def start(self) -> None:
        """Start it, in a thread that looks after it."""
        self._thread.start()

    def stop(self) -> None:
        """Have it end, and wait for that for at most 3 seconds."""
        with self._lock:
            self._is_over.set()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()
        self._thread.join(_END_S)

    def _keep_running(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._is_over.is_set():
            began = time.monotonic()
            code = self._run()
            if self._is_over.is_set():
                return
            pause_s = _FIRST_PAUSE_S if time.monotonic() - began > _LONGEST_PAUSE_S else pause_s
            _log.warning("The worker ended with code %s. It is started again in %.0f s.", code, pause_s)
            self._is_over.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _run(self) -> int | str:
        """Run it once, until it ends. Returns its exit code, or why it could not be started."""
        with self._lock:
            if self._is_over.is_set():
                return 0
            try:
                process = subprocess.Popen(  # noqa: S603 (a command of our own)
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    # Ctrl-C is for the console, which then ends its worker.
                    start_new_session=True,
                )
            except OSError as error:
                return error.strerror or "unknown"
            self._process = process
        with suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _LESS_URGENT)
        with process:
            for line in process.stdout or ():
                _log.info("worker: %s", line.rstrip()[:_MOST_LINE_CHARS])
        return process.returncode
