import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    "phone",
    [
        "07700 900456", "020 7946 0123", "(020) 7946 0123", "01632 960 456", "0800 123 789", "07700900456",
        "050 765 43 21", "(050) 765-43-21", "0 50 765 43 21", "0507654321",
        "8 029 765-43-21", "8 (017) 765 43 21", "80297654321", "8029 765 43 21",
        "8 (727) 250-43-21", "8 701 765 43 21",
        "030 901820", "030/901820", "0151 23456789", "089 1234567",
        "06 12 34 56 78", "06.12.34.56.78", "0612345678",
        "00 44 7700 900456", "0049 30 901820", "8 10 380 50 765 43 21", "(415) 555-2671", "+48 501 765 432",
    ],
)  # fmt: skip
def test_a_phone_as_it_is_dialled_at_home_is_masked(phone: str) -> None:
    assert mask(f"номер {phone} мой") == "номер <PHONE> мой"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("тел. 12-34-56", "тел. <PHONE>"),
        ("тел. 501 765 432", "тел. <PHONE>"),
        ("позвоните 501 765 432", "позвоните <PHONE>"),
        ("заявку на 604-43-21", "заявку на <PHONE>"),
    ],
)
def test_words_name_a_phone(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "01 02 03 04 05", "007 008 009", "05 12 2024", "08 30 17 30", "0,5 0,75", "8 000 000 - 9 000 000",
        "ул. Ленина 12-34-56", "0 1 2 3 4 5 6 7 8 9", "8 900 000 руб",
    ],
)  # fmt: skip
def test_other_numbers_with_zeros_stay(text: str) -> None:
    assert mask(text) == text
