"""The log of the service: one JSON object a line, without texts of messages."""

import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from firstline.errors import trace_of
from firstline.serving.exchange import Exchange
from firstline.serving.routes import PROBES
from firstline.serving.writing import Writer
from firstline.settings.model import LogChoice
from firstline.types import Decision

_MOST_BYTES = 2_000_000
_PIPE_BYTES = 4_096
"""PIPE_BUF of Linux; POSIX allows 512."""
_LINE_BYTES = 400
"""What an answered request takes, roughly."""
_OWN = "firstline"


class LogLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the log. `time` is in UTC; `ms` is what the answer took; `decisions` counts those of its messages;
    `client` is the address of one whose key was refused."""

    time: datetime
    level: str
    message: str
    request_id: str = ""
    method: str = ""
    route: str = ""
    status: int | None = None
    ms: float | None = None
    model: str = ""
    key: str = ""
    messages: int = 0
    decisions: dict[Decision, int] = {}
    error: str = ""
    client: str = ""
    logger: str = ""
    trace: str = ""


_Ended = tuple[float, float, Exchange]
"""When a request ended, in seconds since 1970, how long it took, and what is known of it."""


class Log:
    """What the service has to say, written to a file descriptor by a thread of its own."""

    def __init__(self, descriptor: int, choice: LogChoice = "all") -> None:
        self._choice = choice
        self._writer: Writer[LogLine | _Ended] = Writer("log", _Stream(descriptor), _MOST_BYTES)

    @property
    def n_dropped(self) -> int:
        """Lines that were never written."""
        return self._writer.n_dropped

    def observe(self, exchange: Exchange, taken_s: float) -> None:
        """Log a request that has its answer. Probes are logged only if they fail."""
        if exchange.status < 400 and exchange.status and (self._choice == "errors" or exchange.route in PROBES):
            return
        if self._choice != "none":
            self._writer.put((time.time(), taken_s, exchange), _LINE_BYTES)

    def add(self, line: LogLine) -> None:
        """Log anything else."""
        self._writer.put(line, _LINE_BYTES + len(line.message) + len(line.trace))

    def close(self) -> None:
        """Write what is left, in bounded time."""
        self._writer.close()


def log_to_stderr(choice: LogChoice = "all") -> Log:
    """Log to standard error from now on, also what goes through `logging`."""
    log = Log(sys.stderr.fileno(), choice)
    root = logging.getLogger()
    for handler in root.handlers:
        if isinstance(handler, LogHandler):
            root.removeHandler(handler)
    root.addHandler(LogHandler(log))
    root.setLevel(logging.INFO)
    return log


class LogHandler(logging.Handler):
    """Hands over what goes through `logging`."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        is_own = record.name.split(".")[0] == _OWN
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # A defect of the caller, who must not end for it.
            message = str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        self._log.add(
            LogLine(
                _time(record.created),
                record.levelname.lower(),
                # Below their first line, other libraries quote objects, which may hold texts.
                _encodable(message if is_own else message.partition("\n")[0]),
                logger="" if is_own else record.name,
                trace=_encodable(trace_of(error)) if error is not None else "",
            )
        )

    def close(self) -> None:
        self._log.close()
        super().close()


class _Stream:
    """Writes lines to a file descriptor. What does not go through stays here until the next try.

    Several processes share a pipe: what one writes at once stays together up to `PIPE_BUF`, so no more is written at
    once than fits, except for a line that is longer.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._left = b""

    def __call__(self, lines: Sequence[LogLine | _Ended]) -> None:
        """Raises `OSError` if something is left."""
        content, done = self._left + b"".join(map(_encoded, lines)), 0
        try:
            while done < len(content):
                end = content.rfind(b"\n", done, done + _PIPE_BYTES) + 1 or content.find(b"\n", done) + 1
                # A full disk may take half a line; the rest of it comes first as soon as there is room.
                done += os.write(self._descriptor, memoryview(content)[done:end])
        finally:
            self._left = content[done:]


def _encoded(line: LogLine | _Ended) -> bytes:
    return msgspec.json.encode(line if isinstance(line, LogLine) else _line(*line)) + b"\n"


def _line(at: float, taken_s: float, exchange: Exchange) -> LogLine:
    status = exchange.status
    return LogLine(
        _time(at),
        "error" if status >= 500 else "warning" if status >= 400 or not status else "info",
        "answered" if status else "the client has gone",
        exchange.request_id,
        exchange.method,
        exchange.route,
        status or None,
        round(taken_s * 1000, 2),
        exchange.model,
        exchange.key,
        len(exchange.answers) + exchange.n_failed,
        _decisions(exchange),
        exchange.error,
        exchange.client,
    )


def _decisions(exchange: Exchange) -> dict[Decision, int]:
    if len(exchange.answers) == 1:  # In a quarter of the time.
        return {exchange.answers[0][1]: 1}
    return dict(Counter(decision for _, decision in exchange.answers))


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
