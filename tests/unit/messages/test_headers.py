import pytest

from firstline.errors import FileUnreadable
from firstline.messages.headers import check_width, find_header

TITLE = ["Отчёт за июнь", "", ""]
BLANK = ["", "", ""]
HEADER = ["№", "Текст", "Тип"]
ROW = ["1", "где карта", ""]


def test_the_first_row_that_is_not_blank_is_the_header() -> None:
    assert find_header([BLANK, HEADER, ROW], None) == 1


def test_a_row_with_a_usual_name_below_a_title_is_the_header() -> None:
    assert find_header([TITLE, HEADER, ROW], None) == 1


def test_the_text_column_that_is_named_decides() -> None:
    rows = [TITLE, ["№", "Суть", "Тип"], ROW]
    assert (find_header(rows, "Суть"), find_header(rows, None)) == (1, 0)


def test_a_blank_row_parts_a_title_from_a_header_with_other_names() -> None:
    assert find_header([TITLE, BLANK, ["№", "Суть", "Тип"], ROW], None) == 2


def test_a_row_below_as_wide_a_row_is_no_header() -> None:
    assert find_header([["№", "Суть", "Тип"], ROW, ["id", "text", "label"], ROW], None) == 0


def test_a_row_of_data_below_a_title_is_no_header() -> None:
    assert find_header([TITLE, BLANK, ["1", "text", "+7 916 555-01-02"], ROW], None) == 0


def test_a_header_without_rows_below_is_none() -> None:
    assert find_header([TITLE, HEADER], None) == 0


def test_a_wide_table_is_an_error() -> None:
    check_width("a.csv", 10_000)
    with pytest.raises(FileUnreadable, match=r"a\.csv has 10,001 columns; Firstline reads at most 10,000"):
        check_width("a.csv", 10_001)
