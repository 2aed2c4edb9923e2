"""JSON: a list of objects, streamed; and JSON Lines: one object a line."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import msgspec

from firstline.errors import FileUnreadable
from firstline.messages.records import ReadingOptions, Record, Reject
from firstline.messages.sniff import find_encoding, read_sample

_PEEK = 100


class _JsonReader:
    """What both formats share: columns are the keys of the first hundred objects."""

    def __init__(self, path: Path, options: ReadingOptions) -> None:
        sample = read_sample(path)
        self.path = path
        self.encoding = options.encoding or find_encoding(sample, path)
        self._size_bytes = max(path.stat().st_size, 1)
        self._raw: BinaryIO | None = None
        self.described = f"{path.suffix[1:].upper()}, {self.encoding}"
        self.columns: list[str] = []
        for _, item in islice(self._objects(), _PEEK):
            if isinstance(item, dict):
                self.columns += [name for name in item if name not in self.columns]
        if not self.columns:
            raise FileUnreadable(f"{path} holds no JSON objects.", 'Each message is an object: {"text": "..."}')

    def records(self, columns: Sequence[str]) -> Iterator[Record | Reject]:
        for line, item in self._objects():
            if isinstance(item, Reject):
                yield item
            elif isinstance(item, dict):
                yield Record(line, [item.get(name) for name in columns])
            else:
                yield Reject(line, f"is a JSON {type(item).__name__}, not an object")

    def done(self) -> float:
        return min(self._raw.tell() / self._size_bytes, 1.0) if self._raw and not self._raw.closed else 0.0

    def _objects(self) -> Iterator[tuple[int, Any]]:
        raise NotImplementedError


class JsonLinesReader(_JsonReader):
    """One object a line; a line that is not JSON is rejected by its number."""

    def _objects(self) -> Iterator[tuple[int, Any]]:
        decoder = msgspec.json.Decoder()
        recode = self.encoding not in ("utf-8", "utf-8-sig")
        with self.path.open("rb") as raw:
            self._raw = raw
            for number, line in enumerate(raw, start=1):
                if not line.strip():
                    continue
                try:
                    content = line.decode(self.encoding).encode() if recode else line.removeprefix(b"\xef\xbb\xbf")
                    yield number, decoder.decode(content)
                except UnicodeError:
                    yield number, Reject(number, f"broken encoding, expected {self.encoding}")
                except (msgspec.DecodeError, RecursionError) as error:
                    yield number, Reject(number, f"not valid JSON: {error}")


class JsonReader(_JsonReader):
    """A list of objects, at the top or under one key; `line` is the object's place, from 1."""

    def _objects(self) -> Iterator[tuple[int, Any]]:
        with self.path.open("rb") as raw:
            self._raw = raw
            prefix = self._prefix(raw)
            raw.seek(0)
            try:
                yield from enumerate(ijson.items(raw, prefix, use_float=True), start=1)
            except (ijson.JSONError, UnicodeError) as error:
                raise FileUnreadable(
                    f"{self.path} is not valid JSON: {_one_line(error)}.", "Export it again, as JSON in UTF-8."
                ) from None

    def _prefix(self, raw: BinaryIO) -> str:
        try:
            key = ""
            for depth, (prefix, event, _) in enumerate(ijson.parse(raw)):
                if event == "start_array":
                    return f"{prefix}.item" if prefix else "item"
                if depth > 1000:
                    break
        except (ijson.JSONError, UnicodeError) as error:
            raise FileUnreadable(
                f"{self.path} is not valid JSON: {_one_line(error)}.", "Export it again, as JSON in UTF-8."
            ) from None
        raise FileUnreadable(f"{self.path} holds no list of objects.{key}", 'Expected [{"text": "..."}, ...].')


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def to_json(value: object) -> str:
    """A value as JSON text, dates and the like as strings."""
    return json.dumps(value, ensure_ascii=False, default=str)
