"""Detects the encoding of a text file."""

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from firstline.errors import FileUnreadable, UsageError

SAMPLE_BYTES = 1 << 20
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
_ZERO_SHARE = 0.01
_SAME_PLACE_SHARE = 0.98
_CONTROLS = bytes({*range(0x09), *range(0x0E, 0x20)} - {0x1A, 0x1B})


def find_encoding(sample: bytes, path: Path) -> str:
    """The encoding of a sample: by its byte-order mark, as UTF-8 if most of it is, else by its letters."""
    for bom, name in _BOMS:
        if sample.startswith(bom):
            return name
    if wide := _utf_16_without_mark(sample):
        return wide
    if (len(sample) - len(sample.translate(None, _CONTROLS))) / len(sample) > _CONTROL_SHARE:
        raise FileUnreadable(
            f"{path} is not a text file: it contains bytes that no text has.",
            "Give the file the ending of its real format, or name its encoding: --encoding cp1251",
        )
    if _broken_share(sample) <= _BROKEN_SHARE:
        return "utf-8"
    best = from_bytes(_lines_with_letters(sample), cp_isolation=_ENCODINGS).best()
    if best is None:
        raise FileUnreadable(f"The encoding of {path} could not be found out.", "Name it: --encoding cp1251")
    return best.encoding


def _utf_16_without_mark(sample: bytes) -> str | None:
    """UTF-16 by its zero bytes: blanks, digits and line ends have one each, all of them first or all second."""
    n_zeros = sample.count(0)
    if n_zeros < _ZERO_SHARE * len(sample) or len(sample) % 2:
        return None
    n_second = sample[1::2].count(0)
    if max(n_second, n_zeros - n_second) < _SAME_PLACE_SHARE * n_zeros:
        return None
    name = "utf-16-le" if 2 * n_second > n_zeros else "utf-16-be"
    text = sample.decode(name, errors="replace")
    if "\n" not in text and "\r" not in text and n_zeros < _CONTROL_SHARE * len(sample):
        return None
    n_controls = sum(char < " " and char not in "\t\r\n" for char in text)
    return name if n_controls + text.count("\ufffd") <= _CONTROL_SHARE * len(text) else None


def decode_sample(sample: bytes, encoding: str) -> str:
    """The sample as text, for finding the delimiter. Raises `UsageError` if the name is not an encoding."""
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
