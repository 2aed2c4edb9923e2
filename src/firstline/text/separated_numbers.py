"""Numbers with an unusual sign between groups, or a letter for a digit: `4276*5500*1234*5677`, `8 916 1О3 45 67`."""

import re

from firstline.text.long_numbers import mask_long_numbers, separated_kind
from firstline.text.sums_and_dates import are_years_or_amounts

_SIGNS = r",:*·•|\\;~=^…"
_SEPARATED = re.compile(
    rf"(?<!\d)(?<!\d[.,])(\+ ?)?(\d{{1,6}})( ?[{_SIGNS}]{{1,2}} ?)(\d{{1,7}}(?:\3\d{{1,12}}){{1,18}})(?![.,]?\d)"
)
_SIZES = "0123456789abcdefghijk"

_LETTERS = {"О": "0", "о": "0", "O": "0", "o": "0", "З": "3", "з": "3", "l": "1", "I": "1", "б": "6"}
_LIKE_DIGITS = "".join(_LETTERS)
_MAYBE = re.compile(rf"\d(?: ?[{_SIGNS}]{{1,2}} ?\d{{1,7}} ?[{_SIGNS}]|[{_LIKE_DIGITS}]|(?<=[{_LIKE_DIGITS}]\d))")
_GROUP = rf"[{_LIKE_DIGITS}]{{0,4}}\d[\d{_LIKE_DIGITS}]*+"
_LETTERED = re.compile(rf"(?<![^\W_])\+?{_GROUP}(?:[ ().\-–]{{1,3}}{_GROUP})*+(?![^\W_])")
_ONLY_MASK = re.compile(r"<(?:PHONE|CARD|ACCOUNT|SNILS|INN|PASSPORT)>")


def mask_separated(text: str) -> str:
    """The text with `<CARD>`, `<PHONE>` and the like for numbers that one unusual sign parts."""
    if not _MAYBE.search(text):
        return text
    return _LETTERED.sub(_lettered, _SEPARATED.sub(_separated, text))


def _separated(match: re.Match[str]) -> str:
    groups = [match[2], *match[4].split(match[3])]
    digits = "".join(str(int(digit)) for group in groups for digit in group)
    if not 10 <= len(digits) <= 20 or max(map(len, groups)) >= len(_SIZES):
        return match[0]
    if are_years_or_amounts([group for group in groups if len(group) > 1] or groups):
        return match[0]
    if match[1] and len(digits) <= 14:
        return "<PHONE>"
    kind = separated_kind(digits, "".join(_SIZES[len(group)] for group in groups))
    if kind == "DIGITS" and " " in match[3]:  # `5411, 5412, 5814, 4829` is a list
        kind = ""
    return f"{match[1] or ''}<{kind}>" if kind else match[0]


def _lettered(match: re.Match[str]) -> str:
    """Only if the whole is one number once its letters are digits."""
    written = match[0]
    if not any(char in _LETTERS for char in written):
        return written
    masked = mask_long_numbers("".join(_LETTERS.get(char, char) for char in written))
    return masked if _ONLY_MASK.fullmatch(masked) else written
