import pytest

from firstline.text.masks import Masker

mask = Masker()
SIGNS = (",", ":", "*", "·", "|", ";", "\\", "~", " * ", " | ", ", ")


@pytest.mark.parametrize("sign", SIGNS)
def test_one_sign_between_the_groups_of_a_card(sign: str) -> None:
    assert mask(f"карта {sign.join(('4276', '5500', '1234', '5677'))} блок") == "карта <CARD> блок"


@pytest.mark.parametrize("sign", SIGNS)
def test_one_sign_between_the_groups_of_a_phone(sign: str) -> None:
    assert mask(f"звоните {sign.join(('8', '903', '555', '17', '18'))} утром") == "звоните <PHONE> утром"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("8 9О3 555 17 18", "<PHONE>"),
        ("4276 55ОО 1234 5677", "<CARD>"),
        ("8 903 555 l7 18", "<PHONE>"),
        ("+7 9З2 555 17 18", "<PHONE>"),
    ],
)
def test_letters_that_look_like_digits(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1200, 1300, 1400, 1500", "2019, 2020, 2021, 2022 годах", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12",
        "$1,234,567.89",
        "09:00, 10:00, 11:00, 12:00", "10:30:15 11:45:10", "10*20*30*40", "мсс 5411, 5412, 5814, 4829",
        "1;2;3", "1С 8.3",
        "3D 4K 5G", "12,345,678.90",
    ],
)  # fmt: skip
def test_lists_stay(text: str) -> None:
    assert mask(text) == text
