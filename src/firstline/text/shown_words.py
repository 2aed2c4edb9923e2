"""The words of a masked text as a person reads them, with their places. Rules and tokens are the model's affair."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["word", "signs"]

_MASK = re.compile(r"<([^\W\d_]\w{1,31})>")
_JOINERS = "-\u2010\u2011'\u2019"
_PARTS = re.compile(
    r"(?P<number>(?<![wdm])d{1,3}(?: d{3})+(?![wd]))"  # 5 000
    r"|(?P<word>[wd][wdm]*(?:j[w][wdm]*)*"  # что-то
    r"|[pP]p*"  # <PHONE>
    r"|!+|e[em]*)"  # !?!, and emoji
    r"|(?P<signs>[jom]+)"
)
_FIRST_EMOJI_MODIFIER = 0x10000
"""Below it, modifier symbols are signs such as ^ and `."""


@dataclass(frozen=True, slots=True)
class ShownWord:
    """`text[start:end]` of a masked text. `signs` are brackets, commas and the like."""

    start: int
    end: int
    kind: Kind


def shown_words(text: str) -> list[ShownWord]:
    """What stands between the spaces of a masked text, in order: words, masks, `!` and `?`, emoji and signs.

    A number with spaces for its thousands is one word, and so are words joined by a hyphen or an apostrophe.
    """
    kinds = dict.fromkeys(text, "o")
    for char in kinds:
        kinds[char] = _kind_of(char)
    shape = "".join(map(kinds.__getitem__, text))
    for mask in _MASK.finditer(text):
        if mask[1] == mask[1].upper():
            shape = shape[: mask.start()] + "P" + "p" * (len(mask[0]) - 1) + shape[mask.end() :]
    return [
        ShownWord(found.start(), found.end(), "signs" if found.lastgroup == "signs" else "word")
        for found in _PARTS.finditer(shape)
    ]


def _kind_of(char: str) -> str:
    """One letter: digit, word character, mark on a letter, joiner, `!` or `?`, emoji or currency, space, other."""
    if char in "!?":
        return "!"
    if char in _JOINERS:
        return "j"
    if char.isspace():
        return " "
    if char.isdecimal():
        return "d"
    if char.isalnum() or char == "_":
        return "w"
    category = unicodedata.category(char)
    if category.startswith("M"):
        return "m"
    is_emoji = category in ("So", "Sc") or (category == "Sk" and ord(char) >= _FIRST_EMOJI_MODIFIER)
    return "e" if is_emoji else "o"
