"""Writes in the background, so that a full disk or a reader that has stopped never keeps an answer waiting."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
_EVERY_S = 0.25
"""Between two writes. A wake-up for each item would take time from the answers."""
_CLOSE_S = 0.5
"""A service that is told to end has ten seconds for everything."""

_log = logging.getLogger("firstline.serving")


class Writer(Generic[T]):
    """Collects items and hands them to `write`, in its own thread, a few times a second.

    `write` is called with nothing, too, so that it can do what time asks for. If it raises `OSError`, it keeps what it
    could not write, and is given nothing new until it succeeds. Meanwhile up to `most_bytes` wait here; what does
    not fit is dropped and counted.
    """

    def __init__(self, name: str, write: Callable[[Sequence[T]], None], most_bytes: int) -> None:
        self._write = write
        self._most_bytes = most_bytes
        self._items: list[T] = []
        self._held_bytes = 0
        self.is_stuck = False
        """Whether the last items could not be written, and wait for another try."""
        # The end of an object, at which logging may be called, can come at any time.
        self._lock = threading.RLock()
        self._is_over = threading.Event()
        self.n_dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T, size_bytes: int) -> None:
        """Take an item of about this size. Returns at once."""
        with self._lock:
            if self._held_bytes + size_bytes > self._most_bytes:
                self.n_dropped += 1
                return
            self._held_bytes += size_bytes
            self._items.append(item)

    def close(self, most_s: float = _CLOSE_S) -> None:
        """Write what is left, for as long as `most_s` at most."""
        self._is_over.set()
        self._thread.join(most_s)

    def _run(self) -> None:
        while not self._is_over.wait(_EVERY_S):
            self._write_waiting()
        self._write_waiting()
        if not self.is_stuck:
            self._write_waiting()  # What has come while the last ones were written.

    def _write_waiting(self) -> None:
        items: list[T] = []
        if not self.is_stuck:
            with self._lock:
                items, self._items, self._held_bytes = self._items, [], 0
        try:
            self._write(items)
        except OSError:
            self.is_stuck = True
        except Exception:
            # A defect costs these items, not all that follow.
            _log.exception("%s: %d lines are lost", self._thread.name, len(items))
            with self._lock:
                self.n_dropped += len(items)
        else:
            self.is_stuck = False
