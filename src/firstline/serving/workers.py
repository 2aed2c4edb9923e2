"""Several processes that serve on one port, and the parent that keeps them running."""

import logging
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory

from firstline.errors import FileUnwritable
from firstline.processes import begin_as_child, ignore_hangups
from firstline.serving.log import log_to_stderr
from firstline.serving.metrics import share, withdraw

_LOOK_EVERY_S = 0.2
_END_S = 12.0
"""More than a server needs to end."""
_PAUSE_S = 1.0
"""From the start of a process to that of its successor, at least."""
_FAILED_PAUSE_S = 10.0
"""The same, if the process did not get ready: the champion may be damaged while others still serve the old one."""

_log = logging.getLogger("firstline.serving")
_MEMORY = "/dev/shm"  # noqa: S108 (a folder of our own in it, with a random name)
"""Files of figures are mapped into memory: on a disk that is full, the system would end the process."""
Target = Callable[[int, Callable[[], None]], None]
"""What each process does, given its number and what to call once it is ready. It can be pickled."""


@dataclass
class _Worker:
    process: SpawnProcess
    ready: Connection
    began: float
    was_ready: bool = False

    def look(self) -> None:
        """Note whether it is ready."""
        if not self.was_ready and self.ready.poll():
            # Its end can be read as well, once it has died.
            with suppress(EOFError):
                self.was_ready = bool(self.ready.recv())


class Workers:
    """Runs `n` processes; one that dies is replaced. SIGTERM and SIGINT end them, SIGHUP is handed on.

    They share their metrics through a temporary folder.
    """

    def __init__(self, n: int, target: Target) -> None:
        self._target = target
        self._signals: list[int] = []
        self._n = n
        self._workers: list[_Worker] = []
        self._has_served = False
        self._metrics = Path()

    def run(self) -> int:
        """Run until a signal comes, or until one cannot start before any is ready. Returns the exit code.

        Raises `FileUnwritable` if there is no room for a temporary folder.
        """
        try:
            folder = TemporaryDirectory(prefix="firstline-metrics-", dir=_MEMORY if Path(_MEMORY).is_dir() else None)
        except OSError as error:
            raise FileUnwritable(
                f"A temporary folder for the metrics cannot be made: {error.strerror}.",
                "Name another place: TMPDIR=DIR",
            ) from None
        log = log_to_stderr()
        try:
            with folder as metrics:
                self._metrics = Path(metrics)
                return self._run()
        finally:
            log.close()

    def _run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._signals.append(number))
        code = 0
        try:
            for place in range(self._n):
                self._workers.append(self._start(place))
            while not code and not {signal.SIGINT, signal.SIGTERM}.intersection(self._signals):
                time.sleep(_LOOK_EVERY_S)
                if signal.SIGHUP in self._signals:
                    self._signals.remove(signal.SIGHUP)
                    self._hang_up()
                code = self._look()
        finally:
            self._end()
        return code

    def _start(self, place: int) -> _Worker:
        """Raises `OSError` if the machine has no room for another process."""
        self._metrics.mkdir(mode=0o700, exist_ok=True)  # Something may clean up temporary folders.
        here, there = Pipe(duplex=False)
        process = get_context("spawn").Process(target=_run, args=(self._target, place, there, self._metrics))
        process.start()
        there.close()
        return _Worker(process, here, time.monotonic())

    def _look(self) -> int:
        """Replace processes that have died. Returns the exit code of one that died before any was ready, else 0."""
        for place, worker in enumerate(self._workers):
            worker.look()
            self._has_served |= worker.was_ready
            code = worker.process.exitcode
            if code is None:
                continue
            withdraw(self._metrics, place)
            if not self._has_served:
                return code if code > 0 else 1
            if time.monotonic() - worker.began >= (_PAUSE_S if worker.was_ready else _FAILED_PAUSE_S):
                _log.error("Process %d ended with code %d; another takes its place.", worker.process.pid, code)
                self._replace(place, worker)
        return 0

    def _replace(self, place: int, worker: _Worker) -> None:
        try:
            self._workers[place] = self._start(place)
        except OSError as error:
            _log.error(
                "Another process cannot be started: %s. The next try is in %d s.", error.strerror, _FAILED_PAUSE_S
            )
            worker.began, worker.was_ready = time.monotonic(), False

    def _hang_up(self) -> None:
        for worker in self._workers:
            # One that is starting will load the newest model anyway.
            if worker.was_ready and worker.process.exitcode is None and worker.process.pid is not None:
                os.kill(worker.process.pid, signal.SIGHUP)

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        until = time.monotonic() + _END_S
        for worker in self._workers:
            worker.process.join(max(until - time.monotonic(), 0))
            worker.process.kill()


def _run(target: Target, place: int, ready: Connection, metrics: Path) -> None:
    begin_as_child()
    ignore_hangups()
    share(metrics, place)
    target(place, lambda: ready.send(True))
