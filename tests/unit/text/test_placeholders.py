import pytest

from firstline.text.masks import Masker


@pytest.mark.parametrize("text", ["[ИНФОРМАЦИЯ]", "[QUOTE]", "[CAPS LOCK]", "[СРОЧНО]", "[FYI]", "[ФОТО]"])
def test_what_people_shout_in_brackets_hides_nothing(text: str) -> None:
    assert Masker()(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"), [("[ДАТА РОЖДЕНИЯ]", "<BIRTHDATE>"), ("[IP-адрес]", "<IP>"), ("[УЛИЦА]", "<УЛИЦА>")]
)
def test_other_words_in_brackets_are_masks(raw: str, expected: str) -> None:
    assert Masker()(raw) == expected
