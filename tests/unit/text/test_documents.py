import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("паспорт серии 4510 и номером 234567", "паспорт серии <PASSPORT>"),
        ("серия паспорта 45 10, номер паспорта: 234 567", "серия паспорта <PASSPORT>"),
        ("номер 234567 серия 4510", "<PASSPORT>"),
        ("паспорт 4510, 234567", "паспорт <PASSPORT>"),
        ("паспорт 4510/234567", "паспорт <PASSPORT>"),
        ("загранпаспорт 72 № 2345678", "загранпаспорт <PASSPORT>"),
        ("загранпаспорт 72 2345678", "загранпаспорт <PASSPORT>"),
        ("свидетельство II-АК № 234567", "свидетельство <PASSPORT>"),
        ("паспорт XIX-МЮ 234567", "паспорт <PASSPORT>"),
        ("права 77АВ234567", "права <LICENCE>"),
        ("77 АВ 234567 потерял", "<LICENCE> потерял"),
        ("ву 77 ав 234567", "ву <LICENCE>"),
        ("авто А 123 ВС 777", "авто <PLATE>"),
        ("а123вс77 стоит", "<PLATE> стоит"),
        ("vin WVWZZZ1JZXW000123", "vin <VIN>"),
        ("7707 0838 9324", "<INN>"),
    ],
)
def test_documents_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("дата рождения 12.03.1985", "дата рождения <BIRTHDATE>"),
        ("дата рождения: 12 марта 1985 года", "дата рождения: <BIRTHDATE> года"),
        ("д.р. 12.03.85", "д.р. <BIRTHDATE>"),
        ("родился 12031985", "родился <BIRTHDATE>"),
        ("12.03.1985 г.р.", "<BIRTHDATE> г.р."),
        ("12 марта 1985 года рождения", "<BIRTHDATE> года рождения"),
        ("DOB: 1985-03-12", "DOB: <BIRTHDATE>"),
        ("born on March 12, 1985", "born on <BIRTHDATE>"),
    ],
)
def test_dates_of_birth_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "12.03.1985", "25 декабря 2024 года", "родился сын", "день рождения", "с 100 до 200", "С 100 НЕ 20",
        "У 300 НА 15",
        "5000 150000", "взял 4500 123400", "115-ФЗ 161-ФЗ", "рейс SU1234", "договор от 12.03.2024 № 123456",
        "серия 12", "номер 5",
    ],
)  # fmt: skip
def test_other_dates_and_sums_stay(text: str) -> None:
    assert mask(text) == text
