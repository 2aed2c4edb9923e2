"""From ruled text to n-grams, the features of the TF-IDF models."""

import re
from collections.abc import Iterator, Sequence

from firstline.text.tokens import SPECIAL_TOKEN

_TOKEN = re.compile(r"\w+|[!?]")


def words(text: str) -> list[str]:
    """The words, special tokens and `!` `?` of a ruled text, in order."""
    return _TOKEN.findall(text)


def words_of(text: str) -> Iterator[str]:
    """The words of a ruled text that have a letter: no special tokens, numbers or signs."""
    return (
        found[0]
        for found in _TOKEN.finditer(text)
        if any(map(str.isalpha, found[0])) and not SPECIAL_TOKEN.fullmatch(found[0])
    )


def word_ngrams(text: str, low: int, high: int) -> list[str]:
    """All runs of `low` to `high` words, joined with a space."""
    return runs_of(words(text), low, high)


def runs_of(tokens: Sequence[str], low: int, high: int) -> list[str]:
    """The same of the tokens of a text."""
    found: list[str] = []
    for size in range(low, high + 1):
        found += tokens if size == 1 else map(" ".join, zip(*(tokens[start:] for start in range(size)), strict=False))
    return found


def char_ngrams(text: str, low: int, high: int) -> list[str]:
    """All runs of `low` to `high` characters inside each word, padded with a space on both sides.

    Special tokens are left out: their spelling means nothing.
    """
    return [ngram for token in words(text) for ngram in ngrams_of_token(token, low, high)]


def ngrams_of_token(token: str, low: int, high: int) -> list[str]:
    """The same of one token: a padded word that is shorter than an n-gram is taken whole, once."""
    if SPECIAL_TOKEN.fullmatch(token):
        return []
    padded = f" {token} "
    length = len(padded)
    found = [
        padded[start : start + size] for size in range(low, min(high + 1, length)) for start in range(length - size + 1)
    ]
    return [*found, padded] if low <= high >= length else found
