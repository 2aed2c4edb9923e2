"""Firstline's child processes: they end with their parent, and leave Ctrl-C to it."""

import os
import signal
import threading
from multiprocessing import parent_process


def n_usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def begin_as_child() -> None:
    """The first step of a child process whose parent waits for it."""
    # Ctrl-C reaches the whole group; the parent ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def ignore_hangups() -> None:
    """Ignore SIGHUP until something takes it: by default it ends the process."""
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


def _end_with_parent() -> None:
    """A parent that is killed leaves nobody who waits for the work."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
