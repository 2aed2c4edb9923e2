"""JSON: a list of objects, streamed; and JSON Lines: one object a line.

A file is read twice: first for the keys of all its objects, which are its columns, then for the rows.
"""

import codecs
import io
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import msgspec

from firstline.errors import FileUnreadable
from firstline.messages.contents import read_head
from firstline.messages.exports.base import ExportFormat, Item
from firstline.messages.exports.known import recognise
from firstline.messages.json_guard import GuardedSource, LongNumber, TooManyBackslashes, mend_surrogates
from firstline.messages.json_position import describe_place
from firstline.messages.json_scan import MAX_COLUMNS, Scan, TooDeep, TooManyKeys
from firstline.messages.records import ReadingOptions, Record, Reject, Value
from firstline.messages.sniff import SAMPLE_BYTES, decode_sample, find_encoding, undecodable

_MAX_DEPTH = 100
_MAX_LINE_BYTES = 16_000_000
_FAULTS = (ijson.JSONError, UnicodeError, ArithmeticError, TooManyBackslashes)


class _JsonReader(ABC):
    """What both formats share. Raises `FileUnreadable` if a file holds no objects."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        sample = read_head(path, SAMPLE_BYTES)
        self.path = path
        self.encoding = options.encoding or find_encoding(sample, path)
        decode_sample(sample, self.encoding)
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self._is_read = False
        self.described = f"{path.suffix[1:].upper()}, {self.encoding}"
        keys = self._keys()
        self.export: ExportFormat | None = recognise(keys, _Items(self))
        """Whose export the file is, if it is one that people know by name."""
        self.columns = self.export.columns(keys, _Items(self)) if self.export else keys
        if self.export:
            self.described += f", {self.export.name}"

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        for line, item in self._objects():
            if isinstance(item, Reject):
                yield item
            elif not isinstance(item, dict):
                yield Reject(line, "is not a JSON object")
            elif (row := self.export.row(item) if self.export else item) is not None:
                yield Record(line, [row.get(name) for name in columns])
        self._is_read = True

    def items(self) -> Iterator[Item]:
        """The objects of the file; what is not an object is left out."""
        return (item for _, item in self._objects() if isinstance(item, dict))

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

    def _too_many_keys(self, most: TooManyKeys) -> FileUnreadable:
        return FileUnreadable(
            f"{self.path}: its objects have more than {most} different keys.",
            'Each message is an object with the same keys: {"text": "..."}',
        )


class _Items:
    """The objects of a file, read anew each time."""

    def __init__(self, reader: _JsonReader) -> None:
        self._reader = reader

    def __iter__(self) -> Iterator[Item]:
        return self._reader.items()


class _Recoded:
    """An open file in any encoding, read as UTF-8; what cannot be decoded becomes bytes that are not UTF-8 either.

    It has to outlive the `with` that closes the file, since it would close it unasked.
    """

    def __init__(self, raw: BinaryIO, encoding: str) -> None:
        self._text = io.TextIOWrapper(raw, encoding, errors=undecodable(encoding), newline="\n")

    def read(self, size: int) -> bytes:
        return self._text.read(size).removeprefix("\ufeff").encode(errors="surrogatepass")

    def readline(self, size: int) -> bytes:
        return self._text.readline(size).encode(errors="surrogatepass")


class JsonLinesReader(_JsonReader):
    """One object a line; a line that is not JSON is rejected by its number."""

    def _keys(self) -> list[str]:
        keys: dict[str, None] = {}
        first: Reject | None = None
        for line, item in self._objects():
            if isinstance(item, dict):
                keys.update(dict.fromkeys(item))
                if len(keys) > MAX_COLUMNS:
                    raise self._too_many_keys(TooManyKeys(f"{MAX_COLUMNS:,}"))
            elif first is None:
                first = item if isinstance(item, Reject) else Reject(line, "is not a JSON object")
        if not keys:
            why = f", line {first.line}: {first.reason}" if first else ""
            raise FileUnreadable(
                f"{self.path} holds no JSON objects{why}.",
                'Each line is an object: {"text": "..."}. A list is a .json.',
            )
        return list(keys)

    def _objects(self) -> Iterator[tuple[int, Any]]:
        decoder = msgspec.json.Decoder()
        for number, line in enumerate(self._lines(), start=1):
            if isinstance(line, str):
                yield number, Reject(number, line)
                continue
            line = line.strip().removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
            if not line:
                continue
            try:
                item = decoder.decode(line)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                item = self._mended(decoder, number, line)
            yield number, item

    def _lines(self) -> Iterator[bytes | str]:
        """Each line, or the reason why it cannot be taken."""
        with self.path.open("rb") as raw:
            self._raw = raw
            source = raw if self.encoding == "utf-8" else _Recoded(raw, self.encoding)
            while line := source.readline(_MAX_LINE_BYTES):
                if len(line) < _MAX_LINE_BYTES or line.endswith(b"\n"):
                    yield line
                    continue
                while line and not line.endswith(b"\n"):
                    line = source.readline(_MAX_LINE_BYTES)
                yield f"a line of more than {_MAX_LINE_BYTES:,} bytes"

    def _mended(self, decoder: msgspec.json.Decoder[Any], number: int, line: bytes) -> Any:
        """A line that cannot be decoded, halves of an emoji replaced; or a reject."""
        try:
            return decoder.decode(mend_surrogates(line))
        except UnicodeError:
            return Reject(number, f"broken encoding, expected {self.encoding}")
        except msgspec.ValidationError:
            return Reject(number, "a number is too large")
        except (msgspec.DecodeError, RecursionError) as error:
            return Reject(number, f"not valid JSON{_where(error, line)}")


class JsonReader(_JsonReader):
    """A list of objects, at the top or under a key; `line` is the object's place, from 1."""

    _shortens_numbers = False

    def _keys(self) -> list[str]:
        """The keys of all objects of the list that holds the messages."""
        try:
            self._scan = self._scanned()
        except LongNumber:
            self._shortens_numbers = True
            self._scan = self._scanned()
        if not self._scan.keys:
            raise FileUnreadable(f"{self.path} holds no list of objects.", 'Expected [{"text": "..."}, ...].')
        return list(self._scan.keys)

    def _scanned(self) -> Scan:
        scan = Scan(_MAX_DEPTH)
        with self._opened() as source:
            try:
                feed = scan.feed
                for event, value in ijson.basic_parse(source):
                    feed(event, value)
            except TooDeep as problem:
                raise self._invalid(str(problem)) from None
            except TooManyKeys as most:
                raise self._too_many_keys(most) from None
            except _FAULTS:
                raise self._invalid(describe_place(self._opened)) from None
        return scan

    def _objects(self) -> Iterator[tuple[int, Any]]:
        place = 0
        for prefix, chats in self._scan.places():
            with self.path.open("rb") as raw:
                self._raw = raw
                source = self._guarded(raw, watches=False)
                try:
                    for item in ijson.items(source, prefix):
                        place += 1
                        yield place, _of_chat(_with_floats(item), next(chats)) if isinstance(item, dict) else item
                except _FAULTS:
                    raise self._invalid(describe_place(self._opened)) from None

    @contextmanager
    def _opened(self) -> Iterator[GuardedSource]:
        with self.path.open("rb") as raw:
            source = self._guarded(raw)
            yield source

    def _guarded(self, raw: BinaryIO, *, watches: bool = True) -> GuardedSource:
        if self.encoding != "utf-8":
            return GuardedSource(_Recoded(raw, self.encoding), watches=watches, shortens=self._shortens_numbers)
        if raw.read(3) != codecs.BOM_UTF8:
            raw.seek(0)
        return GuardedSource(raw, watches=watches, shortens=self._shortens_numbers)

    def _invalid(self, cause: str) -> FileUnreadable:
        return FileUnreadable(
            f"{self.path} is not valid JSON in {self.encoding}{': ' + cause if cause else ''}.",
            "Export it again. If each line is an object of its own, give the file the ending .jsonl.",
        )


def _where(error: Exception, line: bytes) -> str:
    """The column of a fault, from 1, without what the library says of it."""
    found = re.search(r"\(byte (\d+)\)", str(error))
    if found:
        return f", column {len(line[: int(found[1])].decode(errors='replace')) + 1:,}"
    return ": nested too deeply" if isinstance(error, RecursionError) else ": it breaks off"


def _of_chat(item: Item, chat: object) -> Item:
    return item if chat is None else {"chat": chat, **item}


def _with_floats(item: dict[str, Value]) -> dict[str, Value]:
    """ijson reads fractions as decimals, since its floats come with integers of 64 bits only."""
    return {key: _with_float(value) for key, value in item.items()}


def _with_float(value: Value) -> Value:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, list):
        return [_with_float(part) for part in value]
    return _with_floats(value) if isinstance(value, dict) else value
