"""Words and n-grams of a ruled text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.text.ngrams import char_ngrams, word_ngrams, words
from tests.unit.text.texts import ANY_TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("карта не работает", ["карта", "не", "работает"]),
        ("где? xxrep !", ["где", "?", "xxrep", "!"]),
        ("xxmask_phone, 12", ["xxmask_phone", "12"]),
        ("...", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(1, 1, ["а", "б", "в"]), (1, 2, ["а", "б", "в", "а б", "б в"]), (3, 4, ["а б в"]), (4, 5, [])],
)
def test_word_ngrams(low: int, high: int, expected: list[str]) -> None:
    assert word_ngrams("а б в", low, high) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(3, 3, [" да", "да "]), (2, 3, [" д", "да", "а ", " да", "да "]), (4, 6, [" да "]), (5, 6, [" да "]), (6, 5, [])],
)
def test_char_ngrams_are_padded_and_a_short_word_is_taken_once(low: int, high: int, expected: list[str]) -> None:
    assert char_ngrams("да", low, high) == expected


def test_char_ngrams_leave_special_tokens_out() -> None:
    assert char_ngrams("xxup xxmask_phone да xxnum4", 4, 4) == [" да "]


@settings(deadline=None)
@given(ANY_TEXT, st.integers(1, 4), st.integers(0, 3))
def test_word_ngrams_have_as_many_words_as_asked(text: str, low: int, more: int) -> None:
    assert all(low <= ngram.count(" ") + 1 <= low + more for ngram in word_ngrams(text, low, low + more))


@settings(deadline=None)
@given(ANY_TEXT, st.integers(1, 5), st.integers(0, 3))
def test_char_ngrams_are_never_longer_than_asked(text: str, low: int, more: int) -> None:
    assert all(len(ngram) <= low + more or low > len(ngram) for ngram in char_ngrams(text, low, low + more))
