import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.errors import FileUnreadable, FirstlineError
from tests.unit.messages.reading import read


def written(tmp_path: Path, content: bytes | str, name: str = "a.json") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_list_of_objects_is_read(tmp_path: Path) -> None:
    table = read(written(tmp_path, '[{"text": "раз", "n": 1}, {"text": "два", "x": null}]'))
    assert table.columns == ["text", "n", "x"]
    assert table.rows == [("раз", 1, None), ("два", None, None)]


def test_a_list_under_a_key_is_found_behind_other_values(tmp_path: Path) -> None:
    content = {"meta": {"fields": ["text"], "total": 1}, "data": {"rows": [{"text": "раз"}]}}
    assert read(written(tmp_path, json.dumps(content))).rows == [("раз",)]


def test_lists_inside_an_object_add_no_columns(tmp_path: Path) -> None:
    table = read(written(tmp_path, '[{"tags": [{"name": "a"}], "text": "раз"}]'))
    assert table.columns == ["tags", "text"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_key_that_comes_late_is_a_column(tmp_path: Path, name: str) -> None:
    rows = [json.dumps({"text": str(n)}) for n in range(500)] + ['{"text": "last", "label": "карта"}']
    content = "\n".join(rows) if name == "a.jsonl" else f"[{','.join(rows)}]"
    assert read(written(tmp_path, content, name)).columns == ["text", "label"]


@pytest.mark.parametrize("encoding", ["cp1251", "utf-16", "utf-8-sig"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_other_encodings_are_read(tmp_path: Path, name: str, encoding: str) -> None:
    rows = [json.dumps({"text": f"Здравствуйте, перевод {n} не дошёл"}, ensure_ascii=False) for n in range(3)]
    content = "\n".join(rows) if name == "a.jsonl" else f"[{','.join(rows)}]"
    table = read(written(tmp_path, content.encode(encoding), name))
    assert table.rows[2] == ("Здравствуйте, перевод 2 не дошёл",)
    assert not table.rejects


def test_numbers_keep_their_kind_and_size(tmp_path: Path) -> None:
    table = read(written(tmp_path, '[{"text": "a", "id": 123456789012345678901234, "x": 1.5}]'))
    assert table.rows == [("a", 123456789012345678901234, 1.5)]


def test_a_list_item_that_is_no_object_is_rejected(tmp_path: Path) -> None:
    assert read(written(tmp_path, '["слово", {"text": "раз"}]')).rejects == {1: "is not a JSON object"}


@pytest.mark.parametrize(
    "content",
    ['[{"text": "раз"}, {"te', '{"text": "раз"}\n{"text": "два"}', "[NaN]", "не JSON", "[" * 50_000, '{"a":' * 50_000],
)
def test_broken_json_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileUnreadable, match="not valid JSON"):
        read(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ('[{"text": "арбуз"} {"text": 2}]', "line 1, column 20"),
        ('[{"text": "арбуз",\n  "n": NaN}]', "line 2, column 8"),
        ('[{"text": "арбуз"}, {"te', "it breaks off at line 1, column 25"),
        ('[{"text": "' + 70_000 * "арбуз" + '"},\n\n {"text": арбуз}]', "line 3, column 11"),
    ],
)
def test_broken_json_is_told_by_its_place_and_not_its_text(tmp_path: Path, content: str, place: str) -> None:
    for encoding in ("utf-8", "cp1251"):
        file = tmp_path / "a.json"
        file.write_text(content, encoding)
        with pytest.raises(FileUnreadable) as caught:
            read(file, encoding=encoding)
        assert caught.value.message.endswith(f"not valid JSON in {encoding}: {place}.")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"text": арбуз}', "not valid JSON, column 10"),
        ('{"текст": NaN}', "not valid JSON, column 11"),
        ('{"text": "арбуз', "not valid JSON: it breaks off"),
    ],
)
def test_a_bad_line_is_told_by_its_column(tmp_path: Path, line: str, reason: str) -> None:
    table = read(written(tmp_path, f'{{"text": "раз"}}\n{line}\n', "a.jsonl"))
    assert table.rejects == {2: reason}


@pytest.mark.parametrize("content", ["[]", "{}", "3", '{"text": "раз"}', '["a", "b"]', "[{}]"])
def test_json_without_a_list_of_objects_is_an_error(tmp_path: Path, content: str) -> None:
    with pytest.raises(FileUnreadable, match="holds no list of objects"):
        read(written(tmp_path, content))


def test_one_bad_line_is_rejected_by_its_number(tmp_path: Path) -> None:
    table = read(written(tmp_path, '{"text": "раз"}\n\n{"text": \n[1]\n{"text": "два"}\n', "a.jsonl"))
    assert table.rows == [("раз",), ("два",)]
    assert list(table.rejects) == [3, 4]


HALVES = r"а\ud83d б\ude00 \\ud83d \ud83d\ude00"


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_half_an_emoji_is_replaced_and_a_whole_one_stays(tmp_path: Path, name: str) -> None:
    content = f'{{"text": "{HALVES}"}}'
    table = read(written(tmp_path, content if name == "a.jsonl" else f"[{content}]", name))
    assert table.rows == [("а\ufffd б\ufffd \\ud83d 😀",)]


@pytest.mark.parametrize("n_digits", [4_301, 100_000])
def test_a_number_without_end_spoils_its_own_row_only(tmp_path: Path, n_digits: int) -> None:
    digits = n_digits * "7"
    rows = [f'{{"text": "раз", "id": {digits}}}', '{"text": "два", "id": 2}']
    of_list = read(written(tmp_path, f"[{','.join(rows)}]"))
    assert of_list.rows[1] == ("два", 2)
    assert of_list.rows[0][1] >= 10**40  # type: ignore[operator]
    of_lines = read(written(tmp_path, "\n".join(rows), "a.jsonl"))
    assert of_lines.rows == [("два", 2)]
    assert of_lines.rejects == {1: "a number is too large"}


def test_many_digits_in_a_text_stay_though_a_number_is_cut(tmp_path: Path) -> None:
    text = 9_000 * "1"
    content = f'[{{"text": "{text}", "id": 1}}, {{"text": "b", "id": {90_000 * "2"}}}]'
    assert read(written(tmp_path, content)).rows[0] == (text, 1)


@pytest.mark.parametrize("exponent", ["400", "99999999999999999999", "-" + 5_000 * "9"])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_an_exponent_without_end_costs_nothing(tmp_path: Path, name: str, exponent: str) -> None:
    content = f'{{"text": "раз", "x": 1e{exponent}}}'
    good = '{"text": "два", "x": 2.5}'
    content = f"{content}\n{good}" if name == "a.jsonl" else f"[{content}, {good}]"
    assert read(written(tmp_path, content, name)).rows[-1] == ("два", 2.5)


def test_a_line_without_end_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    table = read(written(tmp_path, '{"text": "' + 17_000_000 * "a" + '"}\n{"text": "два"}', "a.jsonl"))
    assert table.rows == [("два",)]
    assert table.rejects == {1: "a line of more than 16,000,000 bytes"}


def test_a_line_in_another_encoding_is_rejected(tmp_path: Path) -> None:
    good = '{"text": "обычная строка"}\n'.encode() * 5
    table = read(written(tmp_path, good + '{"text": "чужая"}\n'.encode("cp1251"), "a.jsonl"))
    assert table.rejects == {6: "broken encoding, expected utf-8"}


def test_lines_without_objects_are_an_error_that_tells_the_first(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match="line 1: is not a JSON object"):
        read(written(tmp_path, '[{"text": "раз"}]', "a.jsonl"))


def test_nested_values_are_handed_on_as_they_are(tmp_path: Path) -> None:
    assert read(written(tmp_path, '{"text": {"ru": "раз"}}', "a.jsonl")).rows == [({"ru": "раз"},)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text('[]{}":, text1\n\\ud', max_size=60).map(str.encode),
        st.recursive(st.text() | st.integers() | st.none(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
            lambda value: json.dumps(value).encode()
        ),
    ),
    st.sampled_from(["a.json", "a.jsonl"]),
)
def test_arbitrary_bytes_raise_no_other_error(tmp_path: Path, content: bytes, name: str) -> None:
    try:
        read(written(tmp_path, content, name))
    except FirstlineError as error:
        assert error.next_step
