"""Protects the JSON parser from what it cannot handle: endless numbers and halves of an emoji.

ijson's C parser ends the process at a number of 100,000 digits, and stops at `\\ud83d` without its second half. A
number is cut to 4,300 digits, which no column takes either, and half an emoji becomes U+FFFD.
"""

import re
from typing import Protocol

_MOST_DIGITS = 4_300
_MOST_HELD_BYTES = 1 << 20
_SHAPES = bytes(ord("0") if 48 <= sign <= 57 else ord("e") if sign in b"eE" else sign for sign in range(256))
# Searched one by one: in a twentieth of the time that a regular expression takes.
_SUSPICIOUS = (b"0" * (_MOST_DIGITS + 1), *(sign + b"0" * 18 for sign in (b"e", b"e+", b"e-")))
_REACH_BYTES = _MOST_DIGITS + 20
_OUTSIDE = re.compile(
    rb'"[^"\\]*(?:\\.[^"\\]*)*(?P<end>"?)|(?P<number>[0-9]{%d,})|[eE](?P<sign>[+-]?)(?P<exponent>[0-9]{10,})'
    % (_MOST_DIGITS + 1),
    re.DOTALL,
)
_STRING_END = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_UNFINISHED_NUMBER = re.compile(rb"(?:[0-9]*[eE][+-]?)?[0-9]*\Z")
_HALF = rb"[dD][89abAB][0-9a-fA-F]{2}"
_OTHER_HALF = rb"[dD][c-fC-F][0-9a-fA-F]{2}"
_SURROGATES = re.compile(rb"(?<!\\)((?:\\\\)*)\\u(?:%s(\\u%s)?|%s)" % (_HALF, _OTHER_HALF, _OTHER_HALF))
_HALF_ALONE = re.compile(rb"\\u%s" % _HALF)
_PAIR_BYTES = 12


class LongNumber(Exception):
    """There may be a number of more than 4,300 digits: read again, with `shortens`."""


class TooManyBackslashes(ValueError):
    """A megabyte of backslashes, which no text has."""


class Source(Protocol):
    """An open file as UTF-8."""

    def read(self, size: int, /) -> bytes: ...


class GuardedSource:
    """An open file of JSON, harmless to the parser.

    With `watches` it raises `LongNumber` where a long number seems to begin; the file is then read again with
    `shortens`, which tells numbers from the digits of a text, and takes as long as parsing does.
    """

    def __init__(self, source: Source, *, watches: bool = True, shortens: bool = False) -> None:
        self._source = source
        self._watches = watches
        self._shortens = shortens
        self._held = b""
        self._seen = b""
        self._is_in_string = False

    def read(self, size: int) -> bytes:
        """About `size` bytes; empty at the end only."""
        if size == 0:
            return b""
        while True:
            chunk = self._source.read(size)
            data, self._held = self._held + chunk, b""
            if chunk:
                data = self._hold(data, _safe_length(data))
            if len(self._held) > _MOST_HELD_BYTES:
                raise TooManyBackslashes
            data = mend_surrogates(data)
            if self._shortens:
                data = self._shortened(data, is_last=not chunk)
            elif self._watches:
                self._watch(data)
            if data or not chunk:
                return data

    def _hold(self, data: bytes, length: int) -> bytes:
        self._held = data[length:] + self._held
        return data[:length]

    def _watch(self, data: bytes) -> None:
        seen = self._seen + data.translate(_SHAPES)
        if any(shape in seen for shape in _SUSPICIOUS):
            raise LongNumber
        self._seen = seen[-_REACH_BYTES:]

    def _shortened(self, data: bytes, *, is_last: bool) -> bytes:
        start = 0
        if self._is_in_string:
            end = _STRING_END.match(data)
            if end is None:
                return data
            start = end.end()
            self._is_in_string = False
        head, rest = data[:start], _OUTSIDE.sub(self._short, data[start:])
        if not self._is_in_string and not is_last and (number := _UNFINISHED_NUMBER.search(rest)):
            rest = self._hold(rest, number.start())
        return head + rest

    def _short(self, match: re.Match[bytes]) -> bytes:
        if match["number"]:
            return match["number"][:_MOST_DIGITS]
        if match["exponent"]:
            return b"e" + match["sign"] + (match["exponent"].lstrip(b"0")[:9] or b"0")
        self._is_in_string = not match["end"]
        return match[0]


def mend_surrogates(data: bytes) -> bytes:
    """The JSON with `\\ufffd` for each half of an emoji that stands alone."""
    return _SURROGATES.sub(_whole, data) if b"\\ud" in data or b"\\uD" in data else data


def _whole(match: re.Match[bytes]) -> bytes:
    return match[0] if match[2] else match[1] + rb"\ufffd"


def _safe_length(data: bytes) -> int:
    """How much of `data` ends before a backslash whose escape may continue behind it."""
    first = data.find(b"\\", max(0, len(data) - _PAIR_BYTES))
    if first < 0:
        return len(data)
    length = len(data[:first].rstrip(b"\\"))
    return length - 6 if _HALF_ALONE.fullmatch(data[max(0, length - 6) : length]) else length
