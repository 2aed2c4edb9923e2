"""Processes: what this one may use, and child processes that end with their parent and leave Ctrl-C to it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing import parent_process
from pathlib import Path

_LIMIT_FILES = {
    "": (Path("/sys/fs/cgroup"), "memory.max"),
    "memory": (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
}
"""By controller, which version 2 leaves empty: where the memory limit of a control group is."""


def n_usable_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usable_memory_bytes(own: int) -> int:
    """The total memory that this process can use: its `own` bytes and what is free, within its limits."""
    return min([_free_bytes() + own, *_memory_limits()])


def _free_bytes() -> int:
    with suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1_024 * next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _memory_limits() -> Iterator[int]:
    """Limits of the process (`ulimit -v`, `-d`) and of its control groups, as a container or systemd sets them."""
    with suppress(ImportError):
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            limit = resource.getrlimit(kind)[0]
            if limit != resource.RLIM_INFINITY:
                yield limit
    with suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in _LIMIT_FILES:
                root, name = _LIMIT_FILES[controllers]
                own = root / path.strip("/")
                for group in (own, *own.parents):
                    with suppress(OSError, ValueError):
                        yield int((group / name).read_text())


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
