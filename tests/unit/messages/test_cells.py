import pytest

from firstline.errors import UnusableCell
from firstline.messages.cells import PLACEHOLDERS, read_label, read_name, read_text


@pytest.mark.parametrize(
    "value", [r"\N", "NULL", "null", "None", "nan", "NaN", "N/A", "н/д", "Н/Д", "#N/A", "-", " - ", "", None]
)
def test_a_placeholder_is_no_label_and_no_id(value: object) -> None:
    assert read_label(value) is None
    assert read_name(value) is None


@pytest.mark.parametrize("value", ["none", "Null and void", "N", "--", "0", "нет"])
def test_other_spellings_are_names(value: str) -> None:
    assert read_label(value) == value


def test_a_class_that_the_team_named_is_no_placeholder() -> None:
    assert "None" in PLACEHOLDERS
    assert read_label("None", kept={"None"}) == "None"


@pytest.mark.parametrize("value", [r"\N", " NULL "])
def test_a_lone_placeholder_is_no_text(value: str) -> None:
    assert read_text(value) == ""


def test_a_text_with_a_placeholder_in_it_stays() -> None:
    assert read_text("поле NULL пустое") == "поле NULL пустое"


@pytest.mark.parametrize(
    "value",
    [
        ["Карты"],
        '["Карты"]',
        "['Карты']",
        {"choices": ["Карты"]},
        '{"choices": ["Карты"]}',
        ["Карты", "Карты"],
        [["Карты"]],
    ],
)
def test_a_list_of_one_label_is_that_label(value: object) -> None:
    assert read_label(value) == "Карты"


@pytest.mark.parametrize("value", [[], "[]", [None], ["-"], {"choices": []}])
def test_a_list_of_no_label_is_no_label(value: object) -> None:
    assert read_label(value) is None


@pytest.mark.parametrize(
    "value",
    [["Карты", "Вход"], '["Карты", "Вход"]', "['Карты', 'Вход']", "['Карты' 'Вход']", {"choices": ["Карты", "Вход"]}],
)
def test_a_list_of_several_labels_is_told(value: object) -> None:
    with pytest.raises(UnusableCell, match="several labels in one cell"):
        read_label(value)


@pytest.mark.parametrize(
    "value", [[[0, 4, "Карты"]], '[[0, 4, "Карты"]]', [{"start": 0, "end": 4, "labels": ["Карты"]}]]
)
def test_labels_of_parts_of_a_text_are_told(value: object) -> None:
    with pytest.raises(UnusableCell, match="mark parts of the text"):
        read_label(value)


def test_names_that_are_two_classes_are_told() -> None:
    with pytest.raises(UnusableCell, match="several labels"):
        read_label("Карты;Вход", several={"Карты;Вход"})


@pytest.mark.parametrize("value", ["[Карты]", "[Карты] блок", "{x}", "[1]", "[1, 2]", "[1 is 2]", r"['\d']"])
def test_a_name_in_brackets_is_a_name(value: str) -> None:
    assert read_label(value) == value


@pytest.mark.parametrize("value", [float("inf"), -float("inf"), 1e300])
def test_a_number_without_end_is_told(value: float) -> None:
    with pytest.raises(UnusableCell, match="number"):
        read_name(value)


def test_half_an_emoji_is_replaced() -> None:
    assert read_text("смех \ud83d") == "смех \ufffd"


def test_a_byte_that_could_not_be_decoded_is_told() -> None:
    with pytest.raises(UnusableCell, match="broken encoding"):
        read_text("раз \udcff \ud83d")


@pytest.mark.parametrize("value", ["\U0010ffff", "карта\U0010ffff", ["\U0010ffff"]])
def test_no_class_has_the_name_that_none_of_the_classes_is_learned_as(value: object) -> None:
    with pytest.raises(UnusableCell, match=r"U\+10FFFF"):
        read_label(value)
