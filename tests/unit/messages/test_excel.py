from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from firstline.errors import ColumnMissing, FileUnreadable, UsageError
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Record
from tests.unit.messages.reading import read
from tests.unit.messages.workbooks import TABLE, cell, write_workbook

Rows = Sequence[Sequence[object]]
TITLED: Rows = [["Обращения за июнь"], [], ["№", "Текст обращения"], [7, "где карта"], [8, "нет"]]


def written(tmp_path: Path, **sheets: Rows) -> Path:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as workbook:
        for name, rows in sheets.items():
            sheet = workbook.add_worksheet(name)
            for place, row in enumerate(rows):
                sheet.write_row(place, 0, row)
    return path


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
    assert read(written(tmp_path, A=[["text"], ["раз"], [], [], ["два"]])).lines == [2, 5]


def test_one_column_may_serve_twice(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path, A=[["n", "text"], ["раз", "два"]]), ReadingOptions())
    rows = list(reader.records(["n", "text", "n"]))
    assert [list(row.values) for row in rows if isinstance(row, Record)] == [["раз", "два", "раз"]]


def test_an_empty_sheet_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="first sheet is empty"):
        read(written(tmp_path, A=[]))


def test_titles_above_the_header_are_passed_over_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, A=TITLED)
    assert open_reader(path, ReadingOptions()).described == "Excel, header in row 3"
    table = read(path)
    assert (table.columns, table.rows) == (["№", "Текст обращения"], [(7, "где карта"), (8, "нет")])
    assert table.lines == [4, 5]


def test_a_name_may_be_broken_into_lines(tmp_path: Path) -> None:
    table = read(written(tmp_path, A=[["Отчёт"], ["№", "Текст\nобращения"], [7, "раз\nдва"]]))
    assert (table.columns, table.rows) == (["№", "Текст обращения"], [(7, "раз\nдва")])


def test_the_row_of_the_header_can_be_named(tmp_path: Path) -> None:
    path = written(tmp_path, A=[["text", "b"], ["суть", "d"], ["раз", "два"]])
    table = read(path, header_row=2, text_column="суть")
    assert (table.columns, table.rows, table.lines) == (["суть", "d"], [("раз", "два")], [3])


def test_a_named_header_row_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="the sheet 'A' has no row 9"):
        read(written(tmp_path, A=[["text"], ["раз"]]), header_row=9)


def test_without_a_header_columns_have_numbers_and_no_row_is_lost(tmp_path: Path) -> None:
    table = read(written(tmp_path, A=[[1, "раз"], [2, "два"]]), has_header=False)
    assert (table.columns, table.lines) == (["1", "2"], [1, 2])
    assert table.rows == [(1, "раз"), (2, "два")]


@pytest.mark.parametrize("sheet", ["Б", "2"])
def test_a_sheet_is_named_by_its_name_or_number(tmp_path: Path, sheet: str) -> None:
    path = written(tmp_path, А=[["text"], ["раз"]], Б=[["text"], ["два"]])
    assert read(path, sheet=sheet).rows == [("два",)]
    assert open_reader(path, ReadingOptions(sheet=sheet)).described == "Excel, sheet 'Б' of 2"


def test_an_unknown_sheet_is_an_error_that_names_the_sheets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no sheet '3'\. Its sheets: 1 'А', 2 'Б'"):
        read(written(tmp_path, А=[["text"]], Б=[["text"]]), sheet="3")


def test_the_first_sheet_wins_where_it_has_a_text_column(tmp_path: Path) -> None:
    assert read(written(tmp_path, А=[["text"], ["раз"]], Б=[["text"], ["два"]])).rows == [("раз",)]


def test_the_only_sheet_with_a_text_column_is_found_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, Титул=[["Выгрузка"]], Данные=TITLED, Словарь=[["код", "имя"], [1, "а"]])
    assert open_reader(path, ReadingOptions()).described == "Excel, sheet 'Данные' of 3, header in row 3"
    assert len(read(path).rows) == 2


def test_the_text_column_that_is_named_decides_the_sheet(tmp_path: Path) -> None:
    path = written(tmp_path, А=[["text"], ["раз"]], Б=[["суть"], ["два"]])
    assert read(path, text_column="суть").rows == [("два",)]
    assert read(path, text_column="содержание").rows == [("раз",)]


def test_a_chart_among_the_sheets_is_passed_over(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "a.xlsx")) as workbook:
        workbook.add_worksheet("Титул").write(0, 0, "Выгрузка")
        chart = workbook.add_chart({"type": "line"})
        chart.add_series({"values": "=Данные!$A$2:$A$2"})
        workbook.add_chartsheet("График").set_chart(chart)
        workbook.add_worksheet("Данные").write_column(0, 0, ["text", "раз"])
    assert read(tmp_path / "a.xlsx").rows == [("раз",)]


@pytest.mark.parametrize("second", [[["text"], ["раз"]], [["суть"], ["раз"]]])
def test_where_no_sheet_stands_out_the_error_names_them_and_the_options(tmp_path: Path, second: Rows) -> None:
    path = written(tmp_path, А=[["код", "имя"], [1, "а"]], Б=second, В=second)
    with pytest.raises(ColumnMissing, match=r"Its columns: код, имя\. Its sheets: 1 'А', 2 'Б', 3 'В'") as caught:
        read(path)
    assert "--sheet" in caught.value.next_step
    assert "--header-row" in caught.value.next_step


def test_the_name_of_a_sheet_that_holds_personal_data_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(ColumnMissing, match=r"Its sheets: 1 number 1, 2 'Б'") as caught:
        read(written(tmp_path, **{"79165550102": [["код", "имя"]], "Б": [["код", "имя"]]}))
    assert "7916" not in caught.value.message


@pytest.mark.parametrize("name", ["a.xls", "a.xlsm", "a.ods"])
def test_a_workbook_with_the_ending_of_another_kind_is_read(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, A=[["text"], ["раз"]]).rename(tmp_path / name)
    assert read(path).rows == [("раз",)]


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.ods"])
def test_a_damaged_workbook_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x07" * 2_000)
    with pytest.raises(FileUnreadable, match="cannot be read as Excel: it is damaged"):
        read(tmp_path / name)


@pytest.mark.parametrize("far", [cell("XFD1048576", "x"), '<c t="str" r="XFD1048576"><v>1</v></c>'])
def test_a_cell_at_the_far_corner_is_named(tmp_path: Path, far: str) -> None:
    path = write_workbook(tmp_path / "a.xlsx", f'{TABLE}<row r="1048576">{far}</row>')
    with pytest.raises(FileUnreadable, match="reaches to cell XFD1048576: 17,179,869,184 cells"):
        read(path)


def test_a_far_cell_that_hides_is_met_by_the_bound_on_memory(tmp_path: Path) -> None:
    rows = f'{TABLE}<row r="1048576">{cell("XFD1048576", "x")}</row>'
    path = write_workbook(tmp_path / "a.xlsx", rows, before='<dimension ref="A1:B2"/>')
    with pytest.raises(FileUnreadable, match="cannot be read as Excel in 1 GB of memory"):
        read(path)


@pytest.mark.parametrize("before", ["", '<dimension ref="A1:XFD1048576"/>'])
def test_a_far_cell_without_a_value_is_no_fault(tmp_path: Path, before: str) -> None:
    rows = f'{TABLE}<row r="1048576"><c r="XFD1048576" s="0"/></row>'
    assert read(write_workbook(tmp_path / "a.xlsx", rows, before=before)).rows == [("1", "где карта")]


def test_one_long_string_in_many_cells_is_met_by_the_bound_on_memory(tmp_path: Path) -> None:
    cells = "".join(f'<row r="{row}"><c r="B{row}" t="s"><v>0</v></c></row>' for row in range(3, 2_000))
    path = write_workbook(tmp_path / "a.xlsx", TABLE + cells, f"<si><t>{'я' * 500_000}</t></si>")
    assert path.stat().st_size < 100_000
    with pytest.raises(FileUnreadable, match=r"cannot be read as Excel in 0\.4 GB of memory"):
        read(path, memory_gb=0.4)


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", TABLE + " " * 110_000_000)
    with pytest.raises(FileUnreadable, match="unpacks to 110 MB; Firstline reads at most 107 MB"):
        read(path, memory_gb=0.25)
