import gzip
from pathlib import Path
from typing import Any

import pytest

from firstline.errors import FileUnreadable, FormatUnknown, UsageError
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("a.csv", {"sheet": "1"}, "--sheet is for workbooks"),
        ("a.jsonl", {"header_row": 2}, "--header-row and --no-header are for"),
        ("a.json", {"has_header": False}, "--header-row and --no-header are for"),
        ("a.parquet", {"header_row": 2}, "names its columns itself"),
    ],
)
def test_an_option_of_another_format_is_wrong_usage(
    tmp_path: Path, name: str, options: dict[str, Any], sentence: str
) -> None:
    (tmp_path / name).write_text("text\n")
    with pytest.raises(UsageError, match=sentence):
        open_reader(tmp_path / name, ReadingOptions(**options))


def test_an_unknown_ending_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    (tmp_path / "a.doc").write_text("text\n")
    with pytest.raises(FormatUnknown) as caught:
        open_reader(tmp_path / "a.doc", ReadingOptions())
    assert ".csv" in caught.value.next_step


def test_a_packed_file_is_called_so(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text\n"))
    with pytest.raises(FileUnreadable, match="it is a file packed with gzip"):
        open_reader(tmp_path / "a.csv.gz", ReadingOptions())
