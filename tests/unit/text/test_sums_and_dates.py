import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    "text",
    [
        "цены 1500 2500 3500 4500", "990 1990 2990 3990", "2 500 3 500 4 500", "7 500 8 500 900", "50000-100000 рублей",
        "100 000 - 500 000 - 900 000", "1 000 2 000 3 000 4 000", "4000 59 000 90000 186 000", "100 200 300 50",
    ],
)  # fmt: skip
def test_sums_in_a_row_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "23.02 07.10 10.11 12.03", "10.01.24 11.01.24 12.01.24", "1.10.24-15.10.24", "20240312", "12032024",
        "20240312 20240313",
        "2019 2020 2021 2022", "2019-2020-2021-2022", "1990/1995/2000/2005",
    ],
)  # fmt: skip
def test_dates_and_years_in_a_row_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "договор 76543/27-1561 от мая", "договор № 12345678", "обращение №1234567", "терминал 12345678",
        "заказ 1234567890",
        "номер заявки 12345678", "order #1234567", "ticket 12345678", "инцидент INC1234567", "трек 80080123456",
    ],
)  # fmt: skip
def test_numbers_of_a_company_stay(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("заказ 89035551718", "заказ <PHONE>"),
        ("заказ 8(495)555-17-18", "заказ <PHONE>"),
        ("по заявке звоните 8 903 555 17 18", "по заявке звоните <PHONE>"),
        ("договор 4276550012345677", "договор <CARD>"),
        ("договор 1234567, паспорт 4510 234567", "договор 1234567, паспорт <PASSPORT>"),
        ("запрос 4510 234567", "запрос <PASSPORT>"),
        ("договор 40817810099910004312", "договор <ACCOUNT>"),
    ],
)
def test_numbers_of_a_person_after_such_words_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected
