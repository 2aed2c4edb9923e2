import pytest

from firstline.text.masks import Masker
from firstline.text.personal import holds_personal_data

MASK = Masker((("policy", r"ОСАГО-\d{6}"),))


@pytest.mark.parametrize(
    "value",
    [
        "+7 916 123-45-67",
        "79161234567",
        "79161234567@c.us",
        "whatsapp:+79161234567",
        "tg_79161234567",
        "https://wa.me/79161234567",
        "(916) 123-45-67",
        "ivan@example.com",
        "Иван <ivan@example.com>",
        "4276550012345677",
        "4276 5500 1234 5677",
        "40817810099910004312",
        "4510 123456",
        "паспорт 4510123456",
        "112-233-445 95",
        "клиент 8 (916) 123-45-67",
        "<PHONE> 79161234567",
        "ОСАГО-123456",
    ],
)
def test_a_value_with_personal_data(value: str) -> None:
    assert holds_personal_data(value, MASK)


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "9161234567",
        "4510123456",
        "#9161234567",
        "INC-9161234567",
        "REQ 4510123456",
        "2026-01-31",
        "2021-03-17T20:06:24.590644",
        "2021-03-17 20:06:24+03:00",
        "550e8400-e29b-41d4-a716-446655440000",
        "Банковские карты",
        "[Карта] Блокировка",
        "<PHONE>",
        "site.ru",
        "VIP",
        "hash:0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    ],
)
def test_a_plain_value(value: str) -> None:
    assert not holds_personal_data(value, MASK)
