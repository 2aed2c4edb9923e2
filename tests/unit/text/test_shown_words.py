import pytest

from firstline.text.shown_words import shown_words


def spelled(text: str) -> list[str]:
    return [text[word.start : word.end] for word in shown_words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("где моя карта?", ["где", "моя", "карта", "?"]),
        ("что-то не то", ["что-то", "не", "то"]),
        ("O'Neill — банк", ["O'Neill", "—", "банк"]),
        ("звоните <PHONE><CARD>!", ["звоните", "<PHONE>", "<CARD>", "!"]),
        ("<phone>", ["<", "phone", ">"]),
        ("сняли 5 000 рублей", ["сняли", "5 000", "рублей"]),
        ("сняли 5 000к", ["сняли", "5", "000к"]),
        ("верните!!! :)))", ["верните", "!!!", ":)))"]),
        ("😀👍🏽 ₽", ["😀👍🏽", "₽"]),
        ("на\u0301шла", ["на\u0301шла"]),
        ("مَرْحَبًا بِك", ["مَرْحَبًا", "بِك"]),
        ("a\ud83dя", ["a", "\ud83d", "я"]),
    ],
)
def test_words_are_those_that_a_person_reads(text: str, expected: list[str]) -> None:
    assert spelled(text) == expected


def test_signs_are_told_from_words() -> None:
    assert [word.kind for word in shown_words("карта ((( ? 😀 <PHONE>")] == ["word", "signs", "word", "word", "word"]


@pytest.mark.parametrize("text", ["\u0301" * 10_000, "a" * 10_000, "5 000" * 2_000, "<A1>" * 2_500, "-'" * 5_000])
def test_every_sign_of_a_long_text_has_its_word(text: str) -> None:
    assert "".join(spelled(text)).replace(" ", "") == text.replace(" ", "")
