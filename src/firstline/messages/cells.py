"""Reads a cell: a text, a name, a label, or nothing."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from math import isfinite, isnan

import msgspec

from firstline.errors import UnusableCell
from firstline.messages.exports.base import DISPUTED, UNANSWERED
from firstline.text.rules import nfc, white_space
from firstline.types import NONE, Label

MAX_TEXT_CHARS = 100_000
MAX_NAME_CHARS = 300
_LARGEST_INTEGER = 10**40
_LONGEST_LIST_CHARS = 3_000

PLACEHOLDERS = frozenset(
    {
        r"\N",
        "NULL",
        "null",
        "(null)",
        "<null>",
        "None",
        "nan",
        "NaN",
        "<NA>",
        "N/A",
        "n/a",
        "Н/Д",
        "н/д",
        "#N/A",
        "#Н/Д",
        "-",
        "–",
        "—",
    }
)
"""What databases and tables write for nothing, in exactly these spellings: no label, no segment and no id."""
_NO_TEXT = (r"\N", "NULL")
_LONE_HALVES = {code: "\ufffd" for code in range(0xD800, 0xE000) if not 0xDC80 <= code <= 0xDCFF}
"""Halves of an emoji; the others stand for bytes that could not be decoded."""

_QUOTED = re.compile(r"""'([^'\\]*)'|"([^"\\]*)\"""")
_PRINTED_LIST = re.compile(rf"\[\s*(?:{_QUOTED.pattern})(?:\s*,?\s*(?:{_QUOTED.pattern}))*\s*,?\s*\]")
"""A list as Python and numpy print it."""
SEVERAL_LABELS = "several labels in one cell"


def read_text(value: object) -> str:
    """The text of a cell. Raises `UnusableCell`."""
    value = _plain(value)
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        raise UnusableCell(f"the text is a JSON {'object' if isinstance(value, dict) else 'list'}")
    text = str(value)
    if len(text) > MAX_TEXT_CHARS:
        raise UnusableCell(f"the text has {len(text):,} characters, at most {MAX_TEXT_CHARS:,} are taken")
    return "" if text.strip() in _NO_TEXT else _whole(text)


def read_name(value: object, kept: Collection[str] = ()) -> str | None:
    """A segment, an id or another name; None if the cell is empty or holds a placeholder that is not in `kept`.

    Raises `UnusableCell`.
    """
    value = _plain(value)
    if value is None or value == "":
        return None
    if isinstance(value, (dict, list)):
        raise UnusableCell("a label, id or segment is a JSON object or list")
    name = _name_of(str(value))
    return None if name in PLACEHOLDERS and name not in kept else name


def read_author(value: object) -> str | None:
    """The author; any name, even one that would be a placeholder elsewhere. Raises `UnusableCell`."""
    return read_name(value, PLACEHOLDERS)


def read_label(value: object, kept: Collection[Label] = (), several: Collection[str] = ()) -> Label | None:
    """The class in a cell, which may be a list of one, in JSON or written out as text.

    `kept` are classes of the team that would be placeholders, `several` names that are two classes in one. Raises
    `UnusableCell` for several labels, for annotators who disagree, for a label that nobody has accepted yet, and for
    labels of parts of a text.
    """
    labels = labels_in(value)
    if labels is None:
        name = read_name(value, kept)
        if name in several and name not in kept:
            raise UnusableCell(SEVERAL_LABELS)
        return name
    names = {name for label in labels if (name := read_name(label, kept)) is not None}
    if len(names) > 1:
        raise UnusableCell(SEVERAL_LABELS)
    return names.pop() if names else None


def labels_in(value: object) -> list[object] | None:
    """The labels of a cell that is a list, in any of the forms that tools write; None if it is not.

    Raises `UnusableCell` as `read_label`.
    """
    if isinstance(value, str):
        text = value.strip()
        return _written_list(text) if text[:1] in ("[", "{") and text[-1:] in ("]", "}") else None
    if isinstance(value, dict):
        return _labels_of_object(value)
    if isinstance(value, (list, tuple)):
        return [label for part in value for label in _labels_of_part(part)]
    return None


def _labels_of_object(value: dict[str, object]) -> list[object] | None:
    if DISPUTED in value:
        raise UnusableCell("annotators disagree on the label")
    if UNANSWERED in value:
        raise UnusableCell("the label was neither accepted nor rejected")
    if "choices" in value:
        return labels_in(value["choices"])
    if {"start", "end"} <= value.keys() or {"start_offset", "end_offset"} <= value.keys():
        raise UnusableCell("the labels mark parts of the text, not the message")
    return None


def _labels_of_part(part: object) -> Iterator[object]:
    if isinstance(part, (list, tuple)) and len(part) >= 3 and all(isinstance(place, int) for place in part[:2]):
        raise UnusableCell("the labels mark parts of the text, not the message")
    if isinstance(part, (dict, list, tuple)):
        inner = labels_in(part)
        if inner is None:
            raise UnusableCell("a label, id or segment is a JSON object or list")
        yield from inner
    else:
        yield part


# A file has few classes, on many rows.
@lru_cache(1_000)
def _written_list(text: str) -> list[object] | None:
    """The labels of a list that is written as text, as JSON or as Python prints it; None if it is a plain name."""
    if len(text) > _LONGEST_LIST_CHARS:
        return None
    value: object
    try:
        value = msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError):
        if _PRINTED_LIST.fullmatch(text) is None:
            return None
        value = [found[1] if found[1] is not None else found[2] for found in _QUOTED.finditer(text)]
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return list(value)
    holds_objects = isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value)
    return labels_in(value) if isinstance(value, dict) or holds_objects else None


@lru_cache(1_000)
def _name_of(written: str) -> str | None:
    text = written if written.isascii() and written.isalnum() else white_space(nfc(_whole(written)))
    if len(text) > MAX_NAME_CHARS:
        raise UnusableCell(f"a label, id or segment has {len(text):,} characters, at most {MAX_NAME_CHARS} are taken")
    if NONE in text:
        raise UnusableCell(f"a label, id or segment has the character U+{ord(NONE):X}, which stands for nothing")
    return text or None


def _plain(value: object) -> object:
    """A cell's value as people see it: NaN is empty, whole numbers have no ".0", bytes and large integers are text."""
    if isinstance(value, float):
        if isnan(value):
            return None
        if not isfinite(value):
            raise UnusableCell("a number that is too large")
        value = int(value) if value.is_integer() else value
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="surrogateescape")
    if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        raise UnusableCell("a number of more than 40 digits")
    return value


def _whole(text: str) -> str:
    """The text itself, halves of an emoji replaced. Raises `UnusableCell` if bytes could not be decoded."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        mended = text.translate(_LONE_HALVES)
    try:
        mended.encode("utf-8")
    except UnicodeEncodeError:
        raise UnusableCell("broken encoding") from None
    return mended
