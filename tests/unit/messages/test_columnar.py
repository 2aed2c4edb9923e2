from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from firstline.errors import FileUnreadable
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record
from tests.unit.messages.reading import read


def test_parquet_is_read_in_order(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["раз", None], "at": [datetime(2026, 1, 2), None]}).write_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert table.rows == [("раз", datetime(2026, 1, 2)), (None, None)]
    assert table.lines == [1, 2]


def test_more_rows_than_a_slice_keep_their_places(tmp_path: Path) -> None:
    pl.DataFrame({"n": range(45_000)}).write_parquet(tmp_path / "a.parquet")
    table = read(tmp_path / "a.parquet")
    assert [row[0] for row in table.rows] == list(range(45_000))
    assert table.lines[-1] == 45_000


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx"])
def test_one_column_may_serve_twice(tmp_path: Path, name: str) -> None:
    table = pl.DataFrame({"n": ["раз"], "text": ["два"]})
    table.write_parquet(tmp_path / name) if name == "a.parquet" else table.write_excel(tmp_path / name)
    rows = list(open_reader(tmp_path / name, ReadingOptions()).records(["n", "text", "n"]))
    assert [list(row.values) for row in rows if isinstance(row, Record)] == [["раз", "два", "раз"]]


@pytest.mark.parametrize("name", ["a.parquet", "a.xlsx", "a.xls", "a.ods"])
@pytest.mark.parametrize("content", [b"", b"text\nhello\n", b"PAR1 not parquet PAR1", b"PK\x03\x04 not a workbook"])
def test_another_content_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileUnreadable, match="cannot be read as"):
        read(tmp_path / name)


def test_numbers_and_dates_as_cells(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as workbook:
        sheet = workbook.add_worksheet()
        day = workbook.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        sheet.write_row(0, 0, ["text", " id ", "at"])
        sheet.write_row(1, 0, ["раз", 7])
        sheet.write_datetime(1, 2, datetime(2026, 1, 2, 3, 4), day)
        sheet.write_row(2, 0, [12345, 8])
    table = read(tmp_path / "a.xlsx")
    assert table.columns == ["text", "id", "at"]
    assert table.rows == [("раз", 7, datetime(2026, 1, 2, 3, 4)), ("12345", 8, None)]


def test_empty_rows_of_a_sheet_are_passed_over_and_counted(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as workbook:
        sheet = workbook.add_worksheet()
        sheet.write(0, 0, "text")
        sheet.write(1, 0, "раз")
        sheet.write(4, 0, "два")
    assert read(tmp_path / "a.xlsx").lines == [2, 5]


def test_an_empty_sheet_is_an_error(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as workbook:
        workbook.add_worksheet()
    with pytest.raises(FileUnreadable, match="first sheet is empty"):
        read(tmp_path / "a.xlsx")
