"""Scripts: CYRILLIC, LATIN, CJK; the first word of a letter's Unicode name."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache


@cache
def script_of(char: str) -> str:
    """The script of a letter."""
    return unicodedata.name(char, "UNKNOWN").partition(" ")[0]


def letters_by_script(texts: Iterable[str]) -> Counter[str]:
    """How many letters of each script there are."""
    characters: Counter[str] = Counter()
    for text in texts:
        characters.update(text)
    letters: Counter[str] = Counter()
    for char, count in characters.items():
        if char.isalpha():
            letters[script_of(char)] += count
    return letters
