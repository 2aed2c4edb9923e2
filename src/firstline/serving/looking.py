"""Looks at files again and again, while the service answers."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

_LOOK_EVERY_S = 0.5
_log = logging.getLogger("firstline.serving")


class Looking:
    """Calls each of `looks` twice a second, in one thread. None of them may take long."""

    def __init__(self, looks: Sequence[Callable[[], None]]) -> None:
        self._looks = looks
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="keys", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()

    def _go_on(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY_S):
            for look in self._looks:
                try:
                    look()
                except Exception:
                    # A revoked key must stop even if the first look meets a bug.
                    _log.exception("A file cannot be looked at")


def stamp(file: Path) -> tuple[int, ...]:
    """What a change of a file changes; empty if it is missing, an error's number if that is all there is to see."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    except OSError as error:
        return (error.errno or 0,)
    # A new mode or owner, which may make a file readable, changes no mtime.
    return found.st_mtime_ns, found.st_ctime_ns, found.st_mode, found.st_size, found.st_ino
