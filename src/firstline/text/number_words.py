"""Numbers in words: `восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь` is a phone."""

import re

from firstline.text.check_digits import luhn

_UNITS = {
    "ноль": 0, "нуль": 0, "один": 1, "одна": 1, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5, "шесть": 6,
    "семь": 7, "восемь": 8, "девять": 9, "десять": 10, "одиннадцать": 11, "двенадцать": 12, "тринадцать": 13,
    "четырнадцать": 14, "пятнадцать": 15, "шестнадцать": 16, "семнадцать": 17, "восемнадцать": 18, "девятнадцать": 19,
}  # fmt: skip
_TENS = {
    "двадцать": 20, "тридцать": 30, "сорок": 40, "пятьдесят": 50, "шестьдесят": 60, "семьдесят": 70,
    "восемьдесят": 80, "девяносто": 90,
}  # fmt: skip
_HUNDREDS = {
    "сто": 100, "двести": 200, "триста": 300, "четыреста": 400, "пятьсот": 500, "шестьсот": 600, "семьсот": 700,
    "восемьсот": 800, "девятьсот": 900,
}  # fmt: skip
_WORD = "|".join(sorted((*_UNITS, *_TENS, *_HUNDREDS), key=len, reverse=True))
_SPOKEN = re.compile(
    rf"(?<!\w)(?:плюс )?(?:{_WORD})(?:[ ,\-–]{{1,3}}(?:{_WORD})(?!\w)){{3,20}}+(?! ?(?:тысяч|миллион|млн|руб))",
    re.IGNORECASE,
)


def mask_number_words(text: str, lowered: str) -> str:
    """The text with `<PHONE>` and `<CARD>` for numbers that are spelled out in Russian words."""
    if "девя" not in lowered and "восем" not in lowered and "сорок" not in lowered:
        return text
    return _SPOKEN.sub(_spoken, text)


def _spoken(match: re.Match[str]) -> str:
    digits = _digits(re.findall(r"\w+", match[0].lower()))
    if (len(digits) == 11 and digits[0] in "78" and digits[1] in "3489") or (len(digits) == 10 and digits[0] == "9"):
        return "<PHONE>"
    return "<CARD>" if len(digits) == 16 and luhn(digits) else match[0]


def _digits(words: list[str]) -> str:
    """`сто двадцать три сорок пять` -> `12345`: what is smaller than a ten or hundred before it belongs to it."""
    digits = ""
    number, room = -1, 0  # the number so far; what is less than `room` may be added to it
    for word in words:
        if word == "плюс":
            continue
        value = _HUNDREDS.get(word) or _TENS.get(word) or _UNITS[word]
        if 0 < value < room:
            number += value
        else:
            digits += str(number) if number >= 0 else ""
            number = value
        room = 100 if word in _HUNDREDS else 10 if word in _TENS else 0
    return digits + (str(number) if number >= 0 else "")
