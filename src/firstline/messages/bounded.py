"""Reads a file in a separate process with bounded memory and time.

The libraries that read workbooks and Parquet allocate whatever a file tells them to. A malicious or damaged file would
take down the command, or the machine. What they print may quote a cell, so it is discarded.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Protocol

from firstline.errors import FileUnreadable, FirstlineError
from firstline.messages.records import ReadingOptions, Record, Reject, Value
from firstline.processes import begin_as_child

_GIGABYTE = 1 << 30
_MEMORY_SIGNALS = (-signal.SIGABRT, -9, -signal.SIGSEGV)
_SECONDS = 30.0
_BYTES_PER_S = 5_000_000
"""A workbook of 90 MB of XML is read in less than a second here."""


class Table(Protocol):
    """A table as the other process sees it. Its opener may raise whatever its library raises."""

    columns: list[str]
    described: str
    n_rows: int

    def parts(self, columns: Sequence[str]) -> Iterator[list[tuple[int, Sequence[Value]]]]:
        """Some rows at a time, each with its line."""


OpenTable = Callable[[Path, ReadingOptions], Table]
"""A function of a module, so that another process finds it."""


@dataclass(frozen=True)
class _Opened:
    columns: list[str]
    described: str
    n_rows: int


@dataclass(frozen=True)
class _Ended:
    """The process has ended by itself."""

    exit_code: int | None


@dataclass(frozen=True)
class _Failed:
    """What went wrong: the name of the exception's class only."""

    cause: str


class BoundedReader:
    """A table that `open_table` opens in another process. Raises `FileUnreadable`.

    The process takes at most `memory_gb` of the options, and the time that a table of `size_bytes` should need.
    """

    def __init__(
        self, path: Path, options: ReadingOptions, open_table: OpenTable, format_name: str, size_bytes: int
    ) -> None:
        self.path = path
        self._options = options
        self._open_table = open_table
        self._format_name = format_name
        self._cpu_s = _SECONDS + size_bytes / _BYTES_PER_S
        self._child: _Child | None = None
        opened = self._start()
        self.columns = opened.columns
        self.described = opened.described
        self._n_rows = opened.n_rows
        self._read = 0

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        unique = list(dict.fromkeys(columns))
        places = [unique.index(name) for name in columns]
        if self._child is None:
            self._start()
        child, self._child = self._child, None
        assert child is not None  # noqa: S101 (it has just been started)
        try:
            child.send(unique)
            while isinstance(part := self._answer(child), list):
                for line, row in part:
                    yield Record(line, [row[at] for at in places])
                self._read += len(part)
        finally:
            child.end()

    def done(self) -> float:
        return min(self._read / max(self._n_rows, 1), 1.0)

    def _start(self) -> _Opened:
        self._child = _Child(self._open_table, self.path, self._options, self._cpu_s)
        opened = self._answer(self._child)
        assert isinstance(opened, _Opened)  # noqa: S101 (that is what it sends first)
        return opened

    def _answer(self, child: "_Child") -> object:
        answer = child.answer()
        if isinstance(answer, FirstlineError):
            raise answer
        if isinstance(answer, _Failed):
            raise FileUnreadable(
                f"{self.path} cannot be read as {self._format_name}: {answer.cause}.",
                "Export it again, or give the file the ending of its real format.",
            )
        if isinstance(answer, _Ended):
            raise self._ended(answer.exit_code)
        return answer

    def _ended(self, exit_code: int | None) -> FileUnreadable:
        what = f"{self.path} cannot be read as {self._format_name}"
        if exit_code == -signal.SIGXCPU:
            return FileUnreadable(
                f"{what} within {self._cpu_s:,.0f} s of work.", "It may be damaged: export it as CSV."
            )
        if exit_code in _MEMORY_SIGNALS:
            return FileUnreadable(
                f"{what} in {self._options.memory_gb:g} GB of memory: it is too large, or damaged.",
                "Export it as CSV, or raise reading.memory_gb in firstline.toml.",
            )
        return FileUnreadable(f"{what}: the process that reads it ended ({exit_code}).", "Export it as CSV.")


class _Child:
    """The other process. It ends when this object is gone, and with its parent."""

    def __init__(self, open_table: OpenTable, path: Path, options: ReadingOptions, cpu_s: float) -> None:
        context = get_context("spawn")
        self._connection, far_end = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_serve, args=(far_end, open_table, path, options, cpu_s), daemon=True
        )
        self._process.start()
        far_end.close()

    def send(self, columns: list[str]) -> None:
        self._connection.send(columns)

    def answer(self) -> object:
        """What the process sends, or its exit code if it has ended."""
        try:
            return self._connection.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            return _Ended(self._process.exitcode)

    def end(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.join()


def _serve(connection: Connection, open_table: OpenTable, path: Path, options: ReadingOptions, cpu_s: float) -> None:
    """The other process: sends the columns, receives some of them, sends their rows, and None at the end."""
    begin_as_child()
    _limit(int(options.memory_gb * _GIGABYTE), int(cpu_s))
    # There are not that many rows; each thread costs memory.
    os.environ["POLARS_MAX_THREADS"] = "1"
    os.environ["RUST_BACKTRACE"] = "0"
    try:
        table = open_table(path, options)
        connection.send(_Opened(table.columns, table.described, table.n_rows))
        for part in table.parts(connection.recv()):
            connection.send(part)
        connection.send(None)
    except (EOFError, ConnectionError):
        return
    except FirstlineError as error:
        connection.send(error)
    except MemoryError:
        os.abort()
    except BaseException as error:  # A panic in Rust is not an Exception.
        cause = error.strerror if isinstance(error, OSError) else None
        connection.send(_Failed(cause or f"it is damaged ({type(error).__name__})"))


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Limit memory and time if the system can, and discard what is printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
