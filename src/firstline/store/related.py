"""Tells whether a text may be a correction of another one, or is unrelated to it."""

import re

_LEAST_SHARED_WORDS, _LEAST_ALIKE = 0.5, 0.3


def is_related(before: str, after: str) -> bool:
    """Whether one text may be a correction of the other.

    It may if they share half the words of the shorter one, or if their letter trigrams are alike (Dice, at least 0.3).
    """
    words, words_after = (set(re.findall(r"\w+", text.casefold())) for text in (before, after))
    shorter = min(len(words), len(words_after))
    if shorter and len(words & words_after) >= _LEAST_SHARED_WORDS * shorter:
        return True
    letters, letters_after = (_trigrams(text) for text in (before, after))
    return 2 * len(letters & letters_after) >= _LEAST_ALIKE * (len(letters) + len(letters_after))


def _trigrams(text: str) -> set[str]:
    padded = f" {' '.join(text.casefold().split())} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}
