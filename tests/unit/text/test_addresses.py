import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    "address",
    [
        "oleg (собака) post.example", "oleg(at)post.example", "oleg [at] post [dot] example", "oleg {at} post.example",
        "oleg <at> post.example", "oleg at post dot example", "олег собака мейл точка ру", "oleg собака yandex ru",
        "oleg.k собака gmail.com", "олег точка ким собака почта точка рф", "oleg @ mail.ru", "oleg@ mail.ru",
        "oleg@post точка ru", '"oleg kim"@post.example', "oleg@[10.0.0.1]", "оlеg@роst.example", "oleg.@post.example",
    ],
)  # fmt: skip
def test_an_address_is_masked_however_it_is_spelled(address: str) -> None:
    assert mask(f"пишите {address}, жду") in {"пишите <EMAIL>, жду", "<EMAIL>, жду"}


@pytest.mark.parametrize(
    "text",
    [
        "моя собака дома", "моя собака укусила соседа. Вызовите врача", "точка ру", "я в точке продаж", "I am at work",
        "look at this", "meet at 5 dot 30", "лампочка @ 100", "email @ нет",
    ],
)  # fmt: skip
def test_words_of_addresses_alone_are_prose(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("пишите @oleg_kim_81", "пишите <HANDLE>"),
        ("@oleg.kim, жду", "<HANDLE>, жду"),
        ("tg: oleg_kim", "tg: <HANDLE>"),
        ("телеграм oleg_kim81 жду", "телеграм <HANDLE> жду"),
        ("мой телеграм @oleg81", "мой телеграм <HANDLE>"),
        ("skype: live:oleg.k", "skype: <HANDLE>"),
        ("инста oleg_kim", "инста <HANDLE>"),
        ("мой ник: olegkim", "мой ник: <HANDLE>"),
        ("vk.com/oleg_kim", "<LINK>"),
    ],
)
def test_a_name_in_a_messenger_is_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(
    "text",
    [
        "@all",
        "@everyone",
        "Telegram bot",
        "в телеграм канале",
        "whatsapp business",
        "5@100",
        "@",
        "инстаграм не работает",
    ],
)
def test_no_name_in_a_messenger(text: str) -> None:
    assert mask(text) == text
