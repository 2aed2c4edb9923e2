"""Where in a file JSON stops being valid.

The JSON library tells with an excerpt of the file, which must not reach anybody; the place alone does as well.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any, Literal, Protocol

import ijson

_CHUNK_BYTES = 1 << 16
_STEPS_BYTES = (_CHUNK_BYTES, 1 << 11, 1 << 6, 1)
"""The parser reads a value that is cut again from its beginning, so single bytes are sent only near the fault."""
_CONTINUED = bytes(range(0x80, 0xC0))  # bytes of a character after its first
_FAULTS = (ijson.JSONError, UnicodeError, StopIteration)


class Source(Protocol):
    """An open file as UTF-8."""

    def read(self, size: int, /) -> bytes: ...


Opened = Callable[[], AbstractContextManager[Source]]


def describe_place(opened: Opened) -> str:
    """`line 3, column 17` of the first character that is wrong, or that it breaks off; both from 1.

    The file is read once for each of the `_STEPS_BYTES`. Empty if it turns out to be valid.
    """
    n_good = 0
    for step in _STEPS_BYTES:
        n_good, found = _advance(opened, n_good, step)
        if found == "valid":
            return ""
        if found == "cut":
            return f"it breaks off at {_line_and_column(opened, n_good)}"
    return _line_and_column(opened, n_good)


def _advance(opened: Opened, n_good: int, step: int) -> tuple[int, Literal["fault", "cut", "valid"]]:
    """How many bytes are valid, known to `step` bytes; the first `n_good` are known to be."""
    parser = ijson.basic_parse_coro(_ignored())
    n_sent = 0
    with opened() as source:
        for chunk in _chunks(source):
            for part in _parts(chunk, n_good - n_sent, step):
                try:
                    parser.send(part)
                except _FAULTS:
                    return n_sent, "fault"
                n_sent += len(part)
    try:
        parser.close()
    except _FAULTS:
        return n_sent, "cut"
    return n_sent, "valid"


def _line_and_column(opened: Opened, n_bytes: int) -> str:
    """The place after the first `n_bytes` bytes."""
    line = column = 1
    with opened() as source:
        for chunk in _chunks(source):
            before, newline, rest = chunk[: max(0, n_bytes)].rpartition(b"\n")
            line += before.count(b"\n") + len(newline)
            column = len(rest.translate(None, _CONTINUED)) + (1 if newline else column)
            n_bytes -= len(chunk)
    return f"line {line:,}, column {column:,}"


def _parts(chunk: bytes, n_good: int, step: int) -> Iterator[bytes]:
    start = min(max(0, n_good), len(chunk))
    if start:
        yield chunk[:start]
    for place in range(start, len(chunk), step):
        yield chunk[place : place + step]


def _chunks(source: Source) -> Iterator[bytes]:
    """The bytes up to the end, or up to what cannot be decoded: half a character of UTF-16."""
    with suppress(UnicodeError):
        while chunk := source.read(_CHUNK_BYTES):
            yield chunk


@ijson.coroutine  # type: ignore[untyped-decorator]
def _ignored() -> Generator[None, Any, None]:
    while True:
        yield
