"""From ruled text to n-grams, the features of the TF-IDF models."""

import re
from collections.abc import Iterator

from firstline.text.tokens import SPECIAL_TOKEN

_TOKEN = re.compile(r"\w+|[!?]")


def words(text: str) -> list[str]:
    """The words, special tokens and `!` `?` of a ruled text, in order."""
    return _TOKEN.findall(text)


def words_of(text: str) -> list[str]:
    """The words of a ruled text that have a letter: no special tokens, numbers or signs."""
    return [word for word in words(text) if any(map(str.isalpha, word)) and not SPECIAL_TOKEN.fullmatch(word)]


def word_ngrams(text: str, low: int, high: int) -> list[str]:
    """All runs of `low` to `high` words, joined with a space."""
    tokens = words(text)
    return [
        " ".join(tokens[start : start + size])
        for size in range(low, high + 1)
        for start in range(len(tokens) - size + 1)
    ]


def char_ngrams(text: str, low: int, high: int) -> list[str]:
    """All runs of `low` to `high` characters inside each word, padded with a space on both sides.

    Special tokens are left out: their spelling means nothing.
    """
    return list(_char_ngrams(text, low, high))


def _char_ngrams(text: str, low: int, high: int) -> Iterator[str]:
    for token in words(text):
        if SPECIAL_TOKEN.fullmatch(token):
            continue
        padded = f" {token} "
        for size in range(low, high + 1):
            if size >= len(padded):
                yield padded
                break
            for start in range(len(padded) - size + 1):
                yield padded[start : start + size]
