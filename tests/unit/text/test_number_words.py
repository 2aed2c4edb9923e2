import pytest

from firstline.text.masks import Masker

mask = Masker()


@pytest.mark.parametrize(
    "spoken",
    [
        "восемь девятьсот три пятьсот пятьдесят пять семнадцать восемнадцать",
        "плюс семь девятьсот три пятьсот пятьдесят пять семнадцать восемнадцать",
        "восемь девять ноль три пять пять пять один семь один восемь",
        "Девятьсот три, пятьсот пятьдесят пять, семнадцать, восемнадцать",
    ],
)
def test_a_phone_in_words_is_masked(spoken: str) -> None:
    assert mask(f"звоните {spoken} вечером") == "звоните <PHONE> вечером"


@pytest.mark.parametrize(
    "text",
    [
        "двадцать пять тысяч девятьсот рублей", "восемь тысяч девятьсот шестнадцать", "девять восемь семь",
        "сто двадцать три", "один два три четыре пять шесть семь восемь девять",
    ],
)  # fmt: skip
def test_other_numbers_in_words_stay(text: str) -> None:
    assert mask(text) == text
