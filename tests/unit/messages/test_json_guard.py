import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.messages.json_guard import GuardedSource, LongNumber, mend_surrogates

PARTS = [rb"\ud83d", rb"\ude00", rb"\\", rb"\"", b'"', b"7", b"e", b"E+", b"1" * 5_000, b"a", rb"\u0442", b",", b"-"]


def through(content: bytes, size: int, *, shortens: bool = True) -> bytes:
    source = GuardedSource(io.BytesIO(content), shortens=shortens)
    return b"".join(iter(lambda: source.read(size), b""))


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.integers(1, 40))
def test_where_the_pieces_end_makes_no_difference(parts: list[bytes], size: int) -> None:
    content = b"".join(parts)
    assert through(content, size) == through(content, 1_000_000)


@given(st.lists(st.sampled_from(PARTS), max_size=12), st.integers(1, 40))
def test_without_long_numbers_only_halves_of_emoji_change(parts: list[bytes], size: int) -> None:
    content = b"".join(part for part in parts if len(part) < 4_000)
    assert through(content, size, shortens=False) == mend_surrogates(content)


@pytest.mark.parametrize("size", [50, 700, 100_000])
def test_a_long_number_is_noticed_across_pieces(size: int) -> None:
    with pytest.raises(LongNumber):
        through(b'{"id": ' + b"1" * 4_301 + b"}", size, shortens=False)


def test_a_long_number_is_cut_and_digits_of_a_text_are_not() -> None:
    content = b'["' + b"1" * 9_000 + b'", ' + b"1" * 9_000 + b"]"
    assert through(content, 64) == b'["' + b"1" * 9_000 + b'", ' + b"1" * 4_300 + b"]"
