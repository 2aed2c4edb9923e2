"""What a file is by its first bytes, because people and systems give files the wrong ending."""

import re
import zipfile
from enum import StrEnum
from pathlib import Path

from firstline.errors import FileUnreadable

_HEAD_BYTES = 4_096
_SEARCHED_BYTES = 1 << 20
_WEB_PAGE = re.compile(
    rb"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|meta|body|table|style|div)[\s>:]",
    re.IGNORECASE | re.DOTALL,
)
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class Content(StrEnum):
    """Kinds of files; each value completes "it is ..."."""

    workbook = "an Excel workbook"
    old_workbook = "an Excel workbook of the old kind (.xls)"
    locked = "an Excel workbook with a password"
    archive = "a ZIP archive"
    parquet = "a Parquet file"
    web_page = "a web page (HTML)"
    xml_workbook = "an Excel workbook of 2003 in XML"
    gzip = "a file packed with gzip"
    pdf = "a PDF"
    text = "text"
    other = "a file of another kind"


_PARTS = {"xl/workbook.bin": ".xlsb", "xl/workbook.xml": ".xlsx", "content.xml": ".ods"}

WORKBOOKS = (Content.workbook, Content.old_workbook)

_NEXT_STEP = {
    Content.workbook: "Give its name the ending .xlsx.",
    Content.old_workbook: "Give its name the ending .xls.",
    Content.locked: "Save it without a password.",
    Content.archive: "Unpack it first.",
    Content.parquet: "Give its name the ending .parquet.",
    Content.web_page: "Open it in Excel or LibreOffice and save it as .xlsx or .csv.",
    Content.xml_workbook: "Open it in Excel or LibreOffice and save it as .xlsx or .csv.",
    Content.gzip: "Unpack it first: gunzip FILE",
    Content.pdf: "Export the messages as CSV, Excel or JSON.",
    Content.text: "If it is a CSV, give its name the ending .csv.",
    Content.other: "Export it again, or name the file by its true format.",
}


def read_head(path: Path, n_bytes: int) -> bytes:
    """The first bytes of a file. Raises `FileUnreadable` if it cannot be read, or has nothing but white space there."""
    try:
        with path.open("rb") as file:
            head = file.read(n_bytes)
    except OSError as error:
        raise FileUnreadable(
            f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from None
    if not head.strip():
        raise FileUnreadable(f"{path} is empty.", "Export it again.")
    return head


def content_of(path: Path) -> Content:
    """The kind of a file. Raises `FileUnreadable` if it cannot be read, or is empty."""
    head = read_head(path, _HEAD_BYTES)
    for start, content in ((b"PAR1", Content.parquet), (b"\x1f\x8b", Content.gzip), (b"%PDF-", Content.pdf)):
        if head.startswith(start):
            return content
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _content_of_zip(path)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return Content.locked if _is_locked(path) else Content.old_workbook
    return _content_of_text(head)


def other_content(path: Path, content: Content, expected: str) -> FileUnreadable:
    """The error for a file that is not what its ending says."""
    return FileUnreadable(f"{path} cannot be read as {expected}: it is {content}.", _NEXT_STEP[content])


def workbook_ending(path: Path) -> str:
    """The ending that a workbook has by its content."""
    if content_of(path) is Content.old_workbook:
        return ".xls"
    names = _names_in_zip(path)
    return next((ending for name, ending in _PARTS.items() if name in names), ".xlsx")


def _content_of_zip(path: Path) -> Content:
    names = _names_in_zip(path)
    if names & {*_PARTS, "[content_types].xml"}:
        return Content.workbook
    return Content.archive if names else Content.other


def _names_in_zip(path: Path) -> set[str]:
    """The names in lower case; none if the ZIP is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return set()


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(_SEARCHED_BYTES)
        file.seek(max(0, path.stat().st_size - _SEARCHED_BYTES))
        return _ENCRYPTED in start or _ENCRYPTED in file.read()


def _content_of_text(head: bytes) -> Content:
    for encoding in ("utf-16-le", "utf-16-be"):
        if head.startswith("\ufeff".encode(encoding)):
            head = head[: len(head) // 2 * 2].decode(encoding, errors="replace").encode()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<?xml") and b"urn:schemas-microsoft-com:office:spreadsheet" in text:
        return Content.xml_workbook
    if _WEB_PAGE.match(text) or (text[:13].lower() == b"mime-version:" and b"multipart/related" in text.lower()):
        return Content.web_page
    return Content.other if b"\x00" in text else Content.text
