import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("cvc=321", "cvc=<CODE>"),
        ("код на обороте 321", "код на обороте <CODE>"),
        ("три цифры на обороте 321", "три цифры на обороте <CODE>"),
        ("пин-код: 4321", "пин-код: <CODE>"),
        ("пришёл код подтверждения: 123-456", "пришёл код подтверждения: <CODE>"),
        ("код из смс 4321", "код из смс <CODE>"),
        ("назвал мошеннику код 4321", "назвал мошеннику код <CODE>"),
        ("код 432101", "код <CODE>"),
        ("verification code 432101", "verification code <CODE>"),
        ("4276550012345677 срок действия 12/27", "<CARD>"),
        ("4276550012345677, действует до 12/2027, cvc 123", "<CARD>"),
        ("карта *5677", "карта <MASK>"),
        ("карта заканчивается на 5677", "карта <MASK>"),
        ("card ending in 5677", "card <MASK>"),
    ],
)
def test_codes_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("пароль Zebra742 не подходит", "пароль <PASSWORD> не подходит"),
        ("пароль от кабинета Zebra742!", "пароль от кабинета <PASSWORD>!"),
        ("password: zebra7", "password: <PASSWORD>"),
        ("пароль 7654321", "пароль <PASSWORD>"),
        ("кодовое слово Рыжик не подходит", "кодовое слово <PASSWORD> не подходит"),
        ("кодовое слово: рыжик", "кодовое слово: <PASSWORD>"),
    ],
)
def test_passwords_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "код 1000 рублей", "код 1234 ошибки", "код 5411", "код 2023", "код 5000", "код ошибки 404", "код товара 1234",
        "pin 5000 рублей", "промокод 1234", "пароль не подходит", "забыл пароль", "password reset",
        "пароль на 1000 рублей",
        "кодовое слово не подходит", "кодовое слово забыл", "карта на 5000", "карту 2024", "мсс 5411",
    ],
)  # fmt: skip
def test_other_numbers_and_words_stay(text: str) -> None:
    assert mask(text) == text
