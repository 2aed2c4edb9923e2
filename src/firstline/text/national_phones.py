"""National phones: numbers without a country code, as people dial them at home.

A library of phone formats must be told the country, and a message does not tell it. These rules ask
less: the number begins with a trunk zero, as no sum does, and its groups are those of a phone.
"""

import re
from itertools import pairwise

_BELARUS = re.compile(r"80(?:15|16|17|2[1-9]|33|44)")
_BELARUS_SHAPE = re.compile(r"b|1[2-5][2-7]+|[2-5][2-7]+")
_TRUNK_SHAPE = re.compile(r"[3-5][2-8]+")  # 020 7946 0958, 07700 900123, 067 123 45 67, 030 901820
_LONE_ZERO_SHAPES = frozenset({"12322", "1234", "12223", "1333", "13322"})
_SIZES = (11, 10, 12, 9, 13, 14)

Windows = dict[int, tuple[str, str]]
"""Number of digits -> the digits, and the sizes of their groups as a string."""


def after_trunk_zero(windows: Windows, run: str) -> int:
    """How many digits, from the first, are a national phone that begins with 0, or an international one with 00.

    `run` is what the digits stand in, from the first of them. Returns 0 if they are no phone.
    """
    for n_digits in _SIZES:
        if n_digits in windows and _is_phone(*windows[n_digits], run):
            return n_digits
    return 0


def after_eight(number: str, shape: str) -> bool:
    """Whether 11 or more digits are dialled with 8: Belarus at home (8 029 ...), or abroad (8 10 380 ...)."""
    if number.startswith("810") and len(number) >= 13:
        return shape[:2] == "12"
    return bool(len(number) == 11 and _BELARUS.match(number) and _BELARUS_SHAPE.fullmatch(shape))


def _is_phone(number: str, shape: str, run: str) -> bool:
    if number.startswith("00"):
        return len(number) >= 12 and number[2] != "0"
    if len(shape) == 1:
        return len(number) in (10, 11)
    if shape == "22222":
        return _is_french(number, run)
    if shape[0] == "1":
        return len(number) in (10, 11) and shape in _LONE_ZERO_SHAPES and not number[1:].endswith("000")
    return len(number) <= 12 and bool(_TRUNK_SHAPE.fullmatch(shape))


def _is_french(number: str, run: str) -> bool:
    """`06 12 34 56 78`, with one sign between; `01 02 03 04 05` counts something."""
    pairs = [int(number[place : place + 2]) for place in range(0, 10, 2)]
    steps = {later - sooner for sooner, later in pairwise(pairs)}
    return number[1] != "8" and len(steps) > 1 and len(set(re.findall(r"\D+", run[:14]))) == 1


_SHORT = re.compile(
    r"((?<![^\W\d_])(?:тел(?:ефон\w{0,3})?|phone|tel|городской|домашний)[ .:№]{1,3})"
    r"(?:\d?\d-\d\d-\d\d|\d\d \d\d \d\d|\d{3}-\d{3}|\d{6})(?![\w\-]|[.,]\d| ?(?:р\b|руб|₽|тыс|тенге|тг\b))",
    re.IGNORECASE,
)
_SHORT_WORDS = ("тел.", "тел ", "тел:", "телеф", "phone", "tel", "ской ", "шний ")


def mask_short_phones(text: str, lowered: str) -> str:
    """The text with `<PHONE>` for the short numbers of small towns, if a word names them: `тел. 12-34-56`."""
    if any(map(lowered.__contains__, _SHORT_WORDS)):
        return _SHORT.sub(r"\1<PHONE>", text)
    return text
