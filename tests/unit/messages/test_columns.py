from pathlib import Path

import pytest

from firstline.errors import ColumnMissing
from firstline.messages.column_names import unused_columns
from firstline.messages.columns import find_columns
from firstline.settings import ColumnsSettings

FILE = Path("export.csv")
NOTHING = ColumnsSettings()


def test_usual_names_are_known_in_any_case() -> None:
    found = find_columns(FILE, ["ID", "Текст", "Категория", "x"], {}, NOTHING)
    assert found.names == {"text": "Текст", "id": "ID", "label": "Категория"}


def test_what_is_said_wins_over_what_is_remembered() -> None:
    found = find_columns(FILE, ["a", "b"], {"text": "b"}, ColumnsSettings(text="a"))
    assert found.names == {"text": "b"}


def test_a_column_that_is_said_is_not_taken_for_another_role() -> None:
    assert find_columns(FILE, ["тема", "id"], {"text": "тема"}, NOTHING).names == {"text": "тема", "id": "id"}


def test_a_column_that_is_said_and_not_there_is_an_error_that_shows_the_columns() -> None:
    with pytest.raises(ColumnMissing, match=r"--sent-at 'when' is not a column of it\. Its columns: text, day\."):
        find_columns(FILE, ["text", "day"], {"sent_at": "when"}, NOTHING)


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ({"label": "x"}, "--label"),
        ({"text": "x"}, "--text"),
        ({"author": "day"}, "--conversation"),
        ({"conversation": "day"}, "--author"),
    ],
)
def test_the_option_that_is_missing_or_wrong_is_the_one_to_name(said: dict[str, str], option: str) -> None:
    with pytest.raises(ColumnMissing) as caught:
        find_columns(FILE, ["text", "day"], said, NOTHING)
    assert caught.value.next_step == f"Name it, for example: {option} COLUMN"


def test_many_columns_end_in_how_many_more() -> None:
    with pytest.raises(ColumnMissing, match=r"c18, c19 and 6 more\.$"):
        find_columns(FILE, [f"c{place}" for place in range(26)], {}, NOTHING)


@pytest.mark.parametrize(("file", "is_said"), [("a.jsonl", True), ("a.csv", False)])
def test_a_key_within_an_object_is_told_to_lie_within_it(file: str, is_said: bool) -> None:
    with pytest.raises(ColumnMissing) as caught:
        find_columns(Path(file), ["text", "user"], {"segment": "user.kind"}, NOTHING)
    assert ("if 'user' is an object, what it holds is not read" in caught.value.message) is is_said


ROWS = [
    ["1", "Не могу войти, телефон +7 916 123-45-67", "Вход"],
    ["арбуз", "ivan@example.com"],
    ["арбуз", "12.01.2026 10:00"],
    ["Где мой заказ?", "арбуз"],
    ["арбуз", "арбуз (2)"],
    ["я хочу вернуть арбуз и дыню обратно в магазин"],
]


@pytest.mark.parametrize("row", ROWS)
def test_a_first_line_that_is_a_row_is_not_repeated(row: list[str]) -> None:
    with pytest.raises(ColumnMissing, match=r"The first line does not look like column names\.") as caught:
        find_columns(FILE, row, {}, NOTHING)
    assert not any(cell in caught.value.message for cell in row)


def test_a_column_named_by_personal_data_is_refused_without_its_name() -> None:
    with pytest.raises(ColumnMissing, match=r"the column for --text holds personal data\.") as caught:
        find_columns(FILE, ["+7 916 123-45-67"], {"text": "+7 916 123-45-67"}, NOTHING)
    assert "916" not in caught.value.message


def test_keys_of_json_that_are_no_names_are_counted() -> None:
    with pytest.raises(ColumnMissing, match=r"Its columns: body of it and 1 whose name is not shown\."):
        find_columns(Path("a.json"), ["body of it", "+7 916 123-45-67"], {}, NOTHING)


@pytest.mark.parametrize("name", ["№", "Текст обращения", "id", "sent_at", "Дата/время", "Unnamed: 0", "text.1"])
def test_an_ordinary_name_is_shown(name: str) -> None:
    with pytest.raises(ColumnMissing, match=f"Its columns: {name}\\."):
        find_columns(FILE, [name], {"segment": "x"}, NOTHING)


def test_a_remembered_column_that_is_absent_is_noted() -> None:
    found = find_columns(FILE, ["text"], {}, ColumnsSettings(segment="тип"))
    assert found.names == {"text": "text"}
    assert found.notes == ("export.csv lacks remembered columns: 'тип' (--segment)",)


def test_a_remembered_text_column_that_is_absent_goes_by_usual_names_and_is_noted() -> None:
    found = find_columns(FILE, ["text"], {}, ColumnsSettings(text="сообщение"))
    assert found.names == {"text": "text"}
    assert "'сообщение' (--text, read from 'text')" in found.notes[0]


def test_a_remembered_text_column_that_is_absent_with_nothing_in_its_place_is_an_error() -> None:
    with pytest.raises(ColumnMissing, match="remembered text column 'сообщение'"):
        find_columns(FILE, ["a", "b"], {}, ColumnsSettings(text="сообщение"))


def test_a_file_without_a_text_column_is_an_error() -> None:
    with pytest.raises(ColumnMissing, match="no column is known to hold the text"):
        find_columns(FILE, ["a", "b"], {}, NOTHING)


def test_conversations_need_an_author() -> None:
    with pytest.raises(ColumnMissing, match="--author"):
        find_columns(FILE, ["text", "chat"], {"conversation": "chat"}, NOTHING)


def test_conversations_need_the_values_that_mean_support() -> None:
    with pytest.raises(ColumnMissing, match="values of 'who' that mean support"):
        find_columns(FILE, ["text", "chat", "who"], {"conversation": "chat", "author": "who"}, NOTHING)


def test_an_author_without_conversations_is_an_error() -> None:
    with pytest.raises(ColumnMissing, match="name --conversation too"):
        find_columns(FILE, ["text", "who"], {"author": "who"}, NOTHING)


def test_remembered_agents_are_used() -> None:
    remembered = ColumnsSettings(conversation="chat", author="who", agent_values=("bot",))
    assert find_columns(FILE, ["text", "chat", "who"], {}, remembered).agent_values == ("bot",)


def test_only_wanted_roles_are_looked_for() -> None:
    assert find_columns(FILE, ["text", "id"], {}, NOTHING, wanted=("text",)).names == {"text": "text"}


def test_a_remembered_column_counts_only_for_files_that_have_it() -> None:
    remembered = ColumnsSettings(text="вопрос", label="Тема обращения")
    found = find_columns(Path("a.csv"), ["вопрос", "label"], {}, remembered)
    assert found.names == {"text": "вопрос", "label": "label"}
    assert found.notes == ("a.csv lacks remembered columns: 'Тема обращения' (--label, read from 'label')",)


def test_unused_columns_are_named_if_their_names_may_be_shown() -> None:
    columns = ["text", "Интент", "+7 916 555-01-02", "Канал", ""]
    assert unused_columns(columns, ["text"]) == ("Интент", "Канал")


def test_a_column_without_a_name_has_no_role() -> None:
    assert find_columns(FILE, ["", "text", "label"], {}, NOTHING).names == {"text": "text", "label": "label"}
