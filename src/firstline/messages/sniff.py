"""Finding out the encoding and the delimiter of a text file."""

import codecs
import csv
import io
from collections import Counter
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from firstline.errors import FileUnreadable, UsageError

_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 200
_DELIMITERS = (",", ";", "\t", "|")
_ENCODINGS = ["cp1251", "koi8_r", "cp866", "iso8859_5", "mac_cyrillic", "cp1252", "cp1250", "cp1253", "cp1254"]
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN_SHARE = 0.25
"""Of UTF-8 with rows in another encoding; text in cp866, the most alike, has more than 0.4 broken."""
_CONTROL_SHARE = 0.05
_CONTROLS = bytes({*range(0x09), *range(0x0E, 0x20)} - {0x1A, 0x1B})


def read_sample(path: Path) -> bytes:
    """The first megabyte. Raises `FileUnreadable` for a file that is absent, empty or not text."""
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
    except OSError as error:
        raise FileUnreadable(
            f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from None
    if not sample.strip():
        raise FileUnreadable(f"{path} is empty.", "Export it again.")
    return sample


def find_encoding(sample: bytes, path: Path) -> str:
    """The encoding of a sample: by its byte-order mark, as UTF-8 if most of it is, else by its letters."""
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if (len(sample) - len(sample.translate(None, _CONTROLS))) / len(sample) > _CONTROL_SHARE:
        raise FileUnreadable(
            f"{path} is not a text file: it holds bytes that no text has.",
            "Name the file by its true format, or name its --encoding.",
        )
    if _broken_share(sample) <= _BROKEN_SHARE:
        return "utf-8"
    best = from_bytes(_lines_with_letters(sample), cp_isolation=_ENCODINGS).best()
    if best is None:
        raise FileUnreadable(f"The encoding of {path} could not be found out.", "Name it: --encoding cp1251")
    return best.encoding


def decode_sample(sample: bytes, encoding: str) -> str:
    """The sample as text, for finding the delimiter. Raises `UsageError` for a name that is no encoding."""
    try:
        return sample.decode(encoding, errors="replace")
    except (LookupError, UnicodeError):
        raise UsageError(f"'{encoding}' is not an encoding of text.", "For example: --encoding cp1251") from None


def undecodable(encoding: str) -> str:
    """The error handler that lets broken bytes through as lone surrogates, to be rejected row by row."""
    return "surrogatepass" if codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _lines_with_letters(sample: bytes) -> bytes:
    """The first 128 KB of lines that are not ASCII; without tabs, which look like noise to the detector."""
    lines = b"".join(line for line in sample.splitlines(keepends=True) if not line.isascii())
    return lines[: 1 << 17].replace(b"\t", b" ")


def _broken_share(sample: bytes) -> float:
    """The share of bytes that are not UTF-8, among those that are not ASCII."""
    text = sample.decode("utf-8", errors="surrogateescape")
    broken = sum("\udc80" <= char <= "\udcff" for char in text[:-4])
    letters = sum(byte >= 0x80 for byte in sample)
    return broken / letters if letters else 0.0


def find_delimiter(sample: str, text_column: str | None) -> str:
    """The delimiter that cuts a sample into the most even rows of more than one column; a comma if none does."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            lines = islice(io.StringIO(sample, newline=""), 2 * _SAMPLE_ROWS)
            rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        rows = rows[:-1][:_SAMPLE_ROWS] if len(rows) > 2 else rows
        if not rows or len(rows[0]) < 2:
            continue
        widths = Counter(len(row) for row in rows)
        score = widths[len(rows[0])] / len(rows) + 0.001 * min(len(rows[0]), 50)
        if text_column and text_column in (name.strip() for name in rows[0]):
            score += 10
        if score > best_score:
            best, best_score = delimiter, score
    return best
