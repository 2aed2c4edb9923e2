"""JSON: a list of objects, streamed; and JSON Lines: one object a line.

A file is read twice: first for the keys of all its objects, which are its columns, then for the rows.
"""

import codecs
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import msgspec

from firstline.errors import FileUnreadable
from firstline.messages.json_position import describe_place
from firstline.messages.records import ReadingOptions, Record, Reject, Value
from firstline.messages.sniff import decode_sample, find_encoding, read_sample, undecodable

_MAX_DEPTH = 100
_MAX_COLUMNS = 10_000


class _JsonReader(ABC):
    """What both formats share. Raises `FileUnreadable` where a file holds no objects."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        sample = read_sample(path)
        self.path = path
        self.encoding = options.encoding or find_encoding(sample, path)
        decode_sample(sample, self.encoding)
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._is_read = False
        self.described = f"{path.suffix[1:].upper()}, {self.encoding}"
        self.columns = self._keys()

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        for line, item in self._objects():
            if isinstance(item, Reject):
                yield item
            elif isinstance(item, dict):
                yield Record(line, [item.get(name) for name in columns])
            else:
                yield Reject(line, "is not a JSON object")
        self._is_read = True

    def done(self) -> float:
        if self._raw is None or self._raw.closed:
            return float(self._is_read)
        return min(self._raw.tell() / self._size_bytes, 1.0)

    @abstractmethod
    def _keys(self) -> list[str]:
        """The keys of all objects, in the order in which they appear."""

    @abstractmethod
    def _objects(self) -> Iterator[tuple[int, Any]]:
        """Every item with its line: whatever JSON holds, or a reject."""

    def _few(self, keys: Iterable[str]) -> list[str]:
        columns = list(keys)
        if len(columns) > _MAX_COLUMNS:
            raise FileUnreadable(
                f"{self.path}: its objects have {len(columns):,} different keys, at most {_MAX_COLUMNS:,} are taken.",
                'Each message is an object with the same keys: {"text": "..."}',
            )
        return columns


class _Recoded:
    """An open file in any encoding, read as UTF-8; what cannot be decoded becomes bytes that are not UTF-8 either.

    It has to outlive the `with` that closes the file, since it would close it unasked.
    """

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(raw, encoding, errors=undecodable(encoding), newline="\n")

    def read(self, size: int) -> bytes:
        return self._text.read(size).removeprefix("\ufeff").encode(errors="surrogatepass")

    def readline(self) -> bytes:
        return self._text.readline().encode(errors="surrogatepass")


class JsonLinesReader(_JsonReader):
    """One object a line; a line that is not JSON is rejected by its number."""

    def _keys(self) -> list[str]:
        keys: dict[str, None] = {}
        first: Reject | None = None
        for line, item in self._objects():
            if isinstance(item, dict):
                keys.update(dict.fromkeys(item))
            elif first is None:
                first = item if isinstance(item, Reject) else Reject(line, "is not a JSON object")
        if not keys:
            why = f", line {first.line}: {first.reason}" if first else ""
            raise FileUnreadable(
                f"{self.path} holds no JSON objects{why}.",
                'Each line is an object: {"text": "..."}. A list is a .json.',
            )
        return self._few(keys)

    def _objects(self) -> Iterator[tuple[int, Any]]:
        decoder = msgspec.json.Decoder()
        with self.path.open("rb") as raw:
            self._raw = raw
            recoded = None if self.encoding == "utf-8" else _Recoded(raw, self.encoding)
            number = 0
            while line := recoded.readline() if recoded else raw.readline():
                number += 1
                line = line.strip().removeprefix(codecs.BOM_UTF8)
                if not line:
                    continue
                try:
                    yield number, decoder.decode(line)
                except UnicodeError:
                    yield number, Reject(number, f"broken encoding, expected {self.encoding}")
                except (msgspec.DecodeError, RecursionError) as error:
                    yield number, Reject(number, f"not valid JSON{_where(error, line)}")


class JsonReader(_JsonReader):
    """A list of objects, at the top or under a key; `line` is the object's place, from 1."""

    def _keys(self) -> list[str]:
        """The keys of all objects of the first list that holds any; sets `_prefix`, ijson's name for its items."""
        open_at: list[str] = []
        wanted: list[str] | None = None
        is_item = False
        keys: dict[str, None] = {}
        for event, value in self._parsed():
            if event == "map_key":
                open_at[-1] = value
                if is_item and wanted is not None and len(open_at) == len(wanted) + 1:
                    keys[value] = None
            elif event in ("start_map", "start_array"):
                if event == "start_map":
                    if wanted is None and open_at and open_at[-1] == "item":
                        wanted = open_at.copy()
                    if wanted is not None and len(open_at) == len(wanted):
                        is_item = open_at == wanted
                open_at.append("item" if event == "start_array" else "")
                if len(open_at) > _MAX_DEPTH:
                    raise self._invalid(f"it is nested more than {_MAX_DEPTH} deep")
            elif event in ("end_map", "end_array"):
                open_at.pop()
        if wanted is None or not keys:
            raise FileUnreadable(f"{self.path} holds no list of objects.", 'Expected [{"text": "..."}, ...].')
        self._prefix = ".".join(wanted)
        return self._few(keys)

    def _parsed(self) -> Iterator[tuple[str, Any]]:
        with self.path.open("rb") as raw:
            source = self._as_utf8(raw)
            try:
                yield from ijson.basic_parse(source)
            except (ijson.JSONError, UnicodeError):
                raise self._invalid(describe_place(self._opened)) from None

    def _objects(self) -> Iterator[tuple[int, Any]]:
        with self.path.open("rb") as raw:
            self._raw = raw
            source = self._as_utf8(raw)
            try:
                for place, item in enumerate(ijson.items(source, self._prefix), start=1):
                    yield place, _with_floats(item) if isinstance(item, dict) else item
            except (ijson.JSONError, UnicodeError):
                raise self._invalid(describe_place(self._opened)) from None

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        with self.path.open("rb") as raw:
            source = self._as_utf8(raw)
            yield source

    def _as_utf8(self, raw: BinaryIO) -> Any:
        if self.encoding != "utf-8":
            return _Recoded(raw, self.encoding)
        if raw.read(3) != codecs.BOM_UTF8:
            raw.seek(0)
        return raw

    def _invalid(self, cause: str) -> FileUnreadable:
        return FileUnreadable(
            f"{self.path} is not valid JSON in {self.encoding}{': ' + cause if cause else ''}.",
            "Export it again. If each line is an object of its own, name it .jsonl.",
        )


def _where(error: Exception, line: bytes) -> str:
    """The column of a fault, from 1, without what the library says of it."""
    found = re.search(r"\(byte (\d+)\)", str(error))
    if found:
        return f", column {len(line[: int(found[1])].decode(errors='replace')) + 1:,}"
    return ": nested too deeply" if isinstance(error, RecursionError) else ": it breaks off"


def _with_floats(item: dict[str, Value]) -> dict[str, Value]:
    """ijson reads fractions as decimals, since its floats come with integers of 64 bits only."""
    return {key: float(value) if isinstance(value, Decimal) else value for key, value in item.items()}
