import gzip
import zipfile
from pathlib import Path

import polars as pl
import pytest

from firstline.errors import FileUnreadable
from firstline.messages.contents import Content, content_of
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions
from tests.unit.messages.workbooks import TABLE, write_workbook

OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600
XML = b'<?xml version="1.0"?>\n<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">'


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (OLD, Content.old_workbook),
        (OLD + "EncryptedPackage".encode("utf-16-le"), Content.locked),
        (b"<html><body>", Content.web_page),
        (b"\xef\xbb\xbf \n<TABLE border=1>", Content.web_page),
        ("<meta charset>".encode("utf-16"), Content.web_page),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html>', Content.web_page),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", Content.web_page),
        (XML, Content.xml_workbook),
        (gzip.compress(b"id,text", mtime=0), Content.gzip),
        (b"%PDF-1.7", Content.pdf),
        (b"PK\x03\x04 damaged", Content.other),
        (b"\x00\x01\x02", Content.other),
        (b"id,text\n1,<b>\n", Content.text),
        (b"<table, not html", Content.text),
    ],
)
def test_a_file_is_known_by_its_first_bytes(tmp_path: Path, content: bytes, kind: Content) -> None:
    (tmp_path / "a").write_bytes(content)
    assert content_of(tmp_path / "a") is kind


def test_a_zip_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    assert content_of(write_workbook(tmp_path / "a.xlsx", TABLE)) is Content.workbook
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("history.csv", "id,text\n")
    assert content_of(tmp_path / "a.zip") is Content.archive


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").touch()
    with pytest.raises(FileUnreadable, match="is empty"):
        content_of(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.xls", b"<html>", "as Excel: it is a web page"),
        ("a.xlsx", b"id,text\n1,a\n", "as Excel: it is text"),
        ("a.csv", OLD, "as CSV: it is an Excel workbook of the old kind"),
        ("a.json", b"%PDF-1.4", "as JSON: it is a PDF"),
        ("a.txt", gzip.compress(b"text", mtime=0), "as text: it is a file packed with gzip"),
    ],
)
def test_a_wrong_ending_is_an_error_that_says_what_the_file_is(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileUnreadable, match=sentence) as caught:
        open_reader(tmp_path / name, ReadingOptions())
    assert caught.value.next_step


def test_a_workbook_or_parquet_named_csv_is_called_so(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.csv", TABLE)
    with pytest.raises(FileUnreadable, match="it is an Excel workbook") as caught:
        open_reader(path, ReadingOptions())
    assert caught.value.next_step == "Give its name the ending .xlsx."
    pl.DataFrame({"text": ["раз"]}).write_parquet(path)
    with pytest.raises(FileUnreadable, match="it is a Parquet file"):
        open_reader(path, ReadingOptions())
