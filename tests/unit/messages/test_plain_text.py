from pathlib import Path

import pytest

from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions
from tests.unit.messages.reading import read


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "a.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16", "utf-16-le"])
def test_every_line_is_a_message(tmp_path: Path, encoding: str) -> None:
    content = 'Привет, где карта?\r\n\r\n"не закрыта\r\nда'
    table = read(written(tmp_path, content.encode(encoding)))
    assert (table.columns, table.lines) == (["text"], [1, 3, 4])
    assert table.rows == [("Привет, где карта?",), ('"не закрыта',), ("да",)]
    assert table.rejects == {}


def test_it_is_said_how_the_file_was_read(tmp_path: Path) -> None:
    assert open_reader(written(tmp_path, "да\n"), ReadingOptions()).described == "TXT, utf-8, one message a line"


def test_a_usual_name_in_the_first_line_is_the_columns(tmp_path: Path) -> None:
    table = read(written(tmp_path, "text\nпривет, где карта, а?\nвторая\n"))
    assert table.rows == [("привет, где карта, а?",), ("вторая",)]


def test_a_name_that_is_known_is_the_columns(tmp_path: Path) -> None:
    table = read(written(tmp_path, "суть\nпривет\n"), text_column="суть")
    assert (table.columns, table.rows) == (["суть"], [("привет",)])


def test_no_line_is_a_name_without_a_header(tmp_path: Path) -> None:
    path = written(tmp_path, "text\nпривет\n")
    assert read(path, has_header=False).rows == [("text",), ("привет",)]
    assert read(path, has_header=False, text_column="1").columns == ["1"]


def test_a_header_that_names_the_text_makes_a_table(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id;text\n1;"где; карта"\n2;нет\n'))
    assert (table.columns, table.rows) == (["id", "text"], [("1", "где; карта"), ("2", "нет")])


def test_even_tabs_make_a_table(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id\tсуть\n1\tда, нет\n2\tнет\n")).columns == ["id", "суть"]


def test_a_delimiter_that_is_named_makes_a_table(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id;суть\n1;да\n"), delimiter=";").columns == ["id", "суть"]


def test_commas_make_no_table_where_the_lines_are_uneven(tmp_path: Path) -> None:
    table = read(written(tmp_path, "Сообщение, которое я слал\nгде оно, где\nответьте\n"))
    assert table.rows[0] == ("Сообщение, которое я слал",)


def test_a_line_without_an_end_costs_its_own_row_only(tmp_path: Path) -> None:
    table = read(written(tmp_path, "раз\n" + "я" * 1_100_000 + "\nтри\n"))
    assert table.rows == [("раз",), ("три",)]
    assert table.rejects == {2: "a line has more than 1,000,000 characters"}
