"""Limits for clients: connections, time, and bytes before a body."""

import logging
import os
import time
from collections import Counter
from dataclasses import dataclass, field

from firstline.settings.model import ServingSettings

HEAD_BYTES = 65_536  # request line and headers together; as much of what stands around the parts of a body
URL_BYTES = 2_048
"""Litestar remembers the last thousand addresses and queries."""
HEADERS = 100
PIPELINED = 100  # requests that wait behind another one of their connection
LINGER_S = 1.0  # how long a refused connection stays open, so that the client can read its answer
DROPPED_BYTES = 1_000_000  # read of what follows a refusal
BODIES = 20  # of the largest size, held in memory at a time
SPARE = 8  # connections beyond the limit that are told so; the rest are closed without a word
_FILES = 16  # descriptors left for files, beside the spare ones

_log = logging.getLogger("firstline.serving")


@dataclass
class ConnectionLimits:
    """The number of open connections; seconds for headers, for a whole body, and for an idle connection.

    All connections share one object. `header_timeout_s` is also the longest pause inside a
    request or while an answer is fetched.
    """

    connections: int
    header_timeout_s: float
    body_timeout_s: float
    idle_timeout_s: float
    bodies_bytes: int = BODIES * 10_000_000  # of all requests together that are not answered
    held_bytes: int = 0  # of these, now
    refused: Counter[str] = field(default_factory=Counter)
    """How often a connection was refused before the application saw a request, by the code of the error."""
    _told_at: float = field(default=float("-inf"), repr=False)

    @classmethod
    def from_settings(cls, settings: ServingSettings) -> "ConnectionLimits":
        """The settings' limits; fewer connections if this process may not open as many files."""
        connections = settings.max_connections
        room = _free_descriptors()
        if room is not None and room < connections:
            connections = room
            _log.warning(
                "At most %d connections instead of serving.max_connections = %d: the limit of open files (ulimit -n)"
                " leaves no room for more.",
                connections,
                settings.max_connections,
            )
        return cls(
            connections,
            settings.header_timeout_s,
            settings.body_timeout_s,
            settings.idle_timeout_s,
            BODIES * settings.max_body_bytes,
        )

    def tell(self) -> None:
        """Log, at most once a minute, that all connections are in use."""
        now = time.monotonic()
        if now - self._told_at >= 60:
            self._told_at = now
            _log.warning("All %d connections are taken: new ones replace unused ones or get 503.", self.connections)


def _free_descriptors() -> int | None:
    """How many connections this process may still open; None if there is no limit."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return None
    lowest_free = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest_free)
    return max(allowed - lowest_free - SPARE - _FILES, 1)
