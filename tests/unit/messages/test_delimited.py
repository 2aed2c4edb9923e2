import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.errors import FileUnreadable, FirstlineError, UsageError
from firstline.messages.csv_rows import MAX_FIELD_CHARS
from firstline.messages.formats import open_reader
from firstline.messages.records import ReadingOptions, Reject
from tests.unit.messages.reading import read

LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюяАБВёЁ abc,;|\t\"'\n.!?0123456789"
ROWS = [("1", "Банкомат не выдал деньги, что делать?"), ("2", "Перевод; где он?"), ("3", "Карта | счёт")]


def write_csv(path: Path, encoding: str, delimiter: str) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([("id", "текст"), *ROWS])


def written(tmp_path: Path, content: bytes | str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rejected(path: Path) -> list[Reject]:
    reader = open_reader(path, ReadingOptions())
    return [row for row in reader.records(reader.columns) if isinstance(row, Reject)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "koi8-r", "cp866", "utf-16"])
def test_encoding_and_delimiter_are_found_out(tmp_path: Path, encoding: str, delimiter: str) -> None:
    write_csv(tmp_path / "a.csv", encoding, delimiter)
    table = read(tmp_path / "a.csv")
    assert table.columns == ["id", "текст"]
    assert table.rows == ROWS


@pytest.mark.parametrize("ending", ["tsv", "tab"])
def test_by_these_endings_the_delimiter_is_the_tab(tmp_path: Path, ending: str) -> None:
    table = read(written(tmp_path, "id\ttext,a,b\n1\tраз,2,3\n", f"a.{ending}"))
    assert (table.columns, table.rows) == (["id", "text,a,b"], [("1", "раз,2,3")])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_byte_order_mark_is_no_part_of_a_name_where_the_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    path = written(tmp_path, '\ufeff"text",id\nпривет,1\n'.encode(encoding))
    assert read(path, encoding=encoding).columns == ["text", "id"]


def test_a_quoted_value_may_hold_line_ends(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id,text\n1,"строка\nещё ""строка"""\n2,конец\n'))
    assert table.rows == [("1", 'строка\nещё "строка"'), ("2", "конец")]
    assert table.lines == [2, 4]


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id,text\n1,"открыта\n2,две\n3,три\n'))
    assert table.rows == [("2", "две"), ("3", "три")]
    assert table.rejects == {2: "a quote is opened and never closed"}


def test_a_quote_that_the_next_quote_closes_wrongly_costs_its_own_row_only(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id,text\n1,"открыта\n2,"две, с запятой"\n3,три\n'))
    assert table.rows == [("2", "две, с запятой"), ("3", "три")]
    assert table.rejects == {2: "a quote is closed in the middle of a value"}


def test_an_open_quote_far_from_the_end_does_not_swallow_the_rest(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id,text\n1,"открыта\n' + "".join(f"{n},слово\n" for n in range(5_000))))
    assert len(table.rows) == 5_000
    assert list(table.rejects) == [2]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('2,"открыта', ["2", '"открыта']),
        ('2,"а"б', ["2", '"а"б']),
        ('"2', ['"2', None]),
        ('2,"открыта, да', []),
    ],
)
def test_cells_of_a_broken_line_are_kept_if_they_fit(tmp_path: Path, line: str, cells: list[str | None]) -> None:
    rejects = rejected(written(tmp_path, f"id,text\n1,раз\n{line}\n3,три\n"))
    assert [list(reject.cells) for reject in rejects] == [cells]
    assert "откры" not in repr(rejects)


def test_a_broken_line_of_one_column_is_its_cell(tmp_path: Path) -> None:
    (reject,) = rejected(written(tmp_path, 'text\nраз\n"а"б, в\n'))
    assert list(reject.cells) == ['"а"б, в']


def test_a_line_that_is_longer_than_a_value_may_be_has_no_cells(tmp_path: Path) -> None:
    (reject,) = rejected(written(tmp_path, f'text\nраз\n"а"{"б" * MAX_FIELD_CHARS}\n'))
    assert not any(reject.cells)


def test_rows_too_short_and_too_long_are_rejected(tmp_path: Path) -> None:
    table = read(written(tmp_path, "id,text\n1\n2,два\n3,три,лишнее\n4,четыре,,\n"))
    assert table.rows == [("2", "два"), ("4", "четыре")]
    assert table.rejects == {2: "has 1 column, the header has 2", 4: "has 3 columns, the header has 2"}


def test_a_row_of_another_width_keeps_what_it_has(tmp_path: Path) -> None:
    short, long = rejected(written(tmp_path, "id,text\n1\n2,два\n3,три,лишнее\n"))
    assert (list(short.cells), list(long.cells)) == (["1", None], ["3", "три"])


def test_empty_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    assert read(written(tmp_path, "\nid,text\n\n1,раз\n\n\n2,два\n")).lines == [4, 7]


def test_rows_of_another_encoding_keep_their_broken_bytes_and_spoil_no_other(tmp_path: Path) -> None:
    good = "".join(f"{n},обычная строка\n" for n in range(5)).encode()
    table = read(written(tmp_path, b"id,text\n" + good + "9,чужая\n".encode("cp1251") + good))
    assert table.rows[0] == ("0", "обычная строка")
    assert len(table.rows) == 11
    assert not str(table.rows[5][1]).isprintable()


def test_a_lone_surrogate_in_utf_16_spoils_no_other_row(tmp_path: Path) -> None:
    content = "text\nраз\n".encode("utf-16") + b"\x00\xd8\n\x00" + "два\n".encode("utf-16-le")
    table = read(written(tmp_path, content))
    assert [table.rows[0], table.rows[2]] == [("раз",), ("два",)]


def test_one_zero_byte_does_not_make_a_file_unreadable(tmp_path: Path) -> None:
    table = read(written(tmp_path, "id,text\n1,при\x00вет и ещё немного слов\n2,пока\n"))
    assert table.lines == [2, 3]


def test_old_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id,text\r1,раз\r2,два\r")).rows == [("1", "раз"), ("2", "два")]


def test_a_repeated_name_gets_its_place(tmp_path: Path) -> None:
    table = read(written(tmp_path, "text,id,text,,\nа,1,б,,\n"))
    assert table.columns == ["text", "id", "text (3)", "", " (5)"]
    assert table.rows == [("а", "1", "б", "", "")]


def test_a_separator_of_unicode_inside_a_value_does_not_hide_the_delimiter(tmp_path: Path) -> None:
    rows = "".join(f"{n};строка\u2028ещё, {n}\n" for n in range(5))
    assert read(written(tmp_path, "id;text\n" + rows)).columns == ["id", "text"]


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id,text\n")).rows == []


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileUnreadable):
        read(written(tmp_path, content))


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="not a text file"):
        read(written(tmp_path, bytes(range(256)) * 20))


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(FileUnreadable, match="is a folder"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("encoding", ["cp9999", "hex", "idna", "undefined"])
def test_a_name_that_is_no_encoding_is_wrong_usage(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageError, match=f"'{encoding}' is not an encoding"):
        read(written(tmp_path, "id,text\n1,а.б\n"), encoding=encoding)


def test_the_part_that_is_read_goes_from_nothing_to_all(tmp_path: Path) -> None:
    reader = open_reader(written(tmp_path, "id,text\n1,раз\n"), ReadingOptions())
    before = reader.done()
    list(reader.records(["text"]))
    assert (before, reader.done()) == (0.0, 1.0)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    # Blanks alone before a quoted cell may be taken for those that some programs write after a delimiter.
    st.lists(
        st.tuples(st.text(LETTERS, max_size=20).filter(lambda id_: not id_.isspace()), st.text(LETTERS, max_size=40)),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r", "cp866"]),
)
def test_what_python_writes_comes_back_the_same(
    tmp_path: Path, rows: list[tuple[str, str]], delimiter: str, encoding: str
) -> None:
    table = io.StringIO(newline="")
    csv.writer(table, delimiter=delimiter).writerows([("id", "текст"), *rows])
    path = written(tmp_path, table.getvalue().encode(encoding))
    found = read(path, encoding=encoding, text_column="текст")
    assert (found.columns, found.rows, found.rejects) == (["id", "текст"], rows, {})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text(LETTERS + "\x00\r", max_size=200).map(str.encode)))
def test_arbitrary_bytes_raise_no_other_error(tmp_path: Path, content: bytes) -> None:
    try:
        read(written(tmp_path, content))
    except FirstlineError as error:
        assert error.message.endswith(".")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_quotes_after_backslashes_are_quotes(tmp_path: Path, delimiter: str) -> None:
    content = 'text,id\n"\\"Счёт\\" закрыт, почему",1\n"путь C:\\\\temp",2\n"\\"",3\n'.replace(",", delimiter)
    table = read(written(tmp_path, content))
    assert table.rows == [(f'"Счёт" закрыт{delimiter} почему', "1"), ("путь C:\\temp", "2"), ('"', "3")]


def test_quotes_after_backslashes_are_found_far_below_the_first_rows(tmp_path: Path) -> None:
    rows = "".join(f'{n},"раз, два"\n' for n in range(2_000))
    table = read(written(tmp_path, f'id,text\n{rows}7,"\\"Счёт\\", да"\n'))
    assert (len(table.rows), table.rows[-1], table.rejects) == (2_001, ("7", '"Счёт", да'), {})


def test_quotes_after_backslashes_leave_other_backslashes_alone(tmp_path: Path) -> None:
    assert read(written(tmp_path, 'a,b\n"\\"да\\", нет",\\N\n')).rows == [('"да", нет', "\\N")]


def test_a_backslash_before_a_closing_quote_is_no_escape_where_quotes_are_doubled(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'path,text\n"C:\\","он ""да"", нет"\n"D:\\","всё, ничего"\n'))
    assert table.rows == [("C:\\", 'он "да", нет'), ("D:\\", "всё, ничего")]


def test_blanks_around_quotes_are_no_part_of_a_value(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id; text; x\n1; "раз; два"; а\n2;  "три"; б\n'))
    assert table.rows == [("1", "раз; два", "а"), ("2", "три", "б")]
    assert read(written(tmp_path, 'id,text,x\n1,"раз, два" ,а\n')).rows == [("1", "раз, два", "а")]


def test_single_quotes_may_be_the_quotes(tmp_path: Path) -> None:
    assert read(written(tmp_path, "id,text\n1,'раз, два'\n2,'it\\'s'\n")).rows == [("1", "раз, два"), ("2", "it's")]
    assert read(written(tmp_path, "id,text\n1,'tis\n2,'да' и нет\n")).rows == [("1", "'tis"), ("2", "'да' и нет")]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "\ufeffSEP=;"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_for_excel_names_the_delimiter_and_is_no_row(tmp_path: Path, first: str, end: str) -> None:
    table = read(written(tmp_path, end.join([first, "id;text", "1;а, б, в, г", ""])))
    assert (table.columns, table.rows) == (["id", "text"], [("1", "а, б, в, г")])


def test_titles_above_the_header_are_passed_over_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "Отчёт, июнь\nПериод: 01.06.2026\n\nid;text;класс\n7;где, карта;а\n8;нет;\n")
    reader = open_reader(path, ReadingOptions())
    assert reader.described == "CSV, utf-8, ';', header in line 4"
    assert read(path).rows == [("7", "где, карта", "а"), ("8", "нет", "")]
    assert read(path).lines == [5, 6]


def test_a_row_that_could_be_a_header_below_a_header_is_a_row(tmp_path: Path) -> None:
    assert read(written(tmp_path, "суть,тип\nраз,два\ntext,id\nтри,четыре\n")).columns == ["суть", "тип"]
    assert read(written(tmp_path, "Вопросы\nгде карта\ntext, id\nещё\nодин\nвопрос\n")).columns == ["Вопросы"]


def test_the_line_of_the_header_can_be_named(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'мусор "с кавычкой\nа;б;в\nномер;суть\n1;раз, два\n'), header_row=3)
    assert (table.columns, table.rows, table.lines) == (["номер", "суть"], [("1", "раз, два")], [4])


def test_a_named_header_line_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="no readable header line"):
        read(written(tmp_path, "id,text\n1,раз\n"), header_row=9)


def test_without_a_header_columns_have_numbers_and_no_row_is_lost(tmp_path: Path) -> None:
    table = read(written(tmp_path, "1;раз, два;а\n2;три\n3;четыре;б\n"), has_header=False)
    assert (table.columns, table.lines) == (["1", "2", "3"], [1, 3])
    assert table.rejects == {2: "has 2 columns, most rows have 3"}


def test_a_line_without_an_end_costs_its_own_row_only(tmp_path: Path) -> None:
    table = read(written(tmp_path, "id,text\n1," + "я" * 4_100_000 + "\n2,два\n"))
    assert table.rows == [("2", "два")]
    assert table.rejects == {2: "a line has more than 4,000,000 characters"}


def test_a_long_line_inside_an_open_quote_is_counted(tmp_path: Path) -> None:
    table = read(written(tmp_path, 'id,text\n1,"раз\n' + "я" * 4_100_000 + "\n3,три\n"))
    assert table.rows == [("3", "три")]
    assert list(table.rejects) == [2, 3]


def test_a_value_that_is_too_long_is_called_so(tmp_path: Path) -> None:
    table = read(written(tmp_path, "id,text\n1," + "я" * 1_100_000 + "\n2,два\n"))
    assert table.rejects == {2: "a value has more than 1,000,000 characters"}


def test_a_first_line_without_an_end_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="a line has more than 4,000,000 characters"):
        read(written(tmp_path, "я" * 4_100_000))


def test_too_many_columns_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="has 10,001 columns"):
        read(written(tmp_path, ",".join(f"c{place}" for place in range(10_001))))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_needs_no_mark(tmp_path: Path, encoding: str) -> None:
    assert read(written(tmp_path, "id;text\n1;раз, два\n".encode(encoding))).rows == [("1", "раз, два")]
