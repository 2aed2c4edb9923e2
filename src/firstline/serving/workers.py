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

from firstline.processes import begin_as_child

_LOOK_EVERY_S = 0.2
_END_S = 12.0
"""More than a server needs to end."""
_PAUSE_S = 1.0
"""From the start of a process to that of its successor, at least."""
_FAILED_PAUSE_S = 10.0
"""The same, if the process did not get ready: the champion may be damaged while others still serve the old one."""

_log = logging.getLogger("firstline.serving")
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
    """Runs `n` processes; one that dies is replaced. SIGTERM and SIGINT end them, SIGHUP is handed on."""

    def __init__(self, n: int, target: Target) -> None:
        self._target = target
        self._signals: list[int] = []
        self._n = n
        self._workers: list[_Worker] = []
        self._has_served = False

    def run(self) -> int:
        """Run until a signal comes, or until one cannot start before any is ready. Returns the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._signals.append(number))
        self._workers = [self._start(place) for place in range(self._n)]
        code = 0
        while not code and not {signal.SIGINT, signal.SIGTERM}.intersection(self._signals):
            time.sleep(_LOOK_EVERY_S)
            if signal.SIGHUP in self._signals:
                self._signals.remove(signal.SIGHUP)
                self._send(signal.SIGHUP)
            code = self._look()
        self._end()
        return code

    def _start(self, place: int) -> _Worker:
        here, there = Pipe(duplex=False)
        process = get_context("spawn").Process(target=_run, args=(self._target, place, there))
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
            if not self._has_served:
                return code if code > 0 else 1
            if time.monotonic() - worker.began >= (_PAUSE_S if worker.was_ready else _FAILED_PAUSE_S):
                _log.error("Process %d ended with code %d; another takes its place.", worker.process.pid, code)
                self._workers[place] = self._start(place)
        return 0

    def _send(self, number: int) -> None:
        for worker in self._workers:
            if worker.process.exitcode is None and worker.process.pid is not None:
                os.kill(worker.process.pid, number)

    def _end(self) -> None:
        self._send(signal.SIGTERM)
        until = time.monotonic() + _END_S
        for worker in self._workers:
            worker.process.join(max(until - time.monotonic(), 0))
            worker.process.kill()


def _run(target: Target, place: int, ready: Connection) -> None:
    begin_as_child()
    target(place, lambda: ready.send(True))
