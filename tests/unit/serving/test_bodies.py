import msgspec
import pytest

from firstline.serving.bodies import read_json


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDE00 \uD83D"', "\ufffd \ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\ud83d\n\ude00"', "\ufffd\n\ufffd"),
        (rb'"\\ud83d \ude00"', "\\ud83d \ufffd"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\"\ud83d"', '"\ufffd'),
    ],
)
def test_half_a_pair_becomes_the_replacement_character(body: bytes, text: str) -> None:
    assert read_json(body, str) == text


def test_a_whole_body_is_read_as_it_is() -> None:
    assert read_json(rb'["\ud83d\ude00", "\\ud83d"]', list[str]) == ["\U0001f600", "\\ud83d"]


@pytest.mark.parametrize("body", [rb'"\ud83d', rb'"\ud8', rb'"\ud83d" 5', b"", rb'"\q \ud83d"'])
def test_what_is_not_json_stays_an_error(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read_json(body, str)


def test_a_key_may_hold_half_a_pair() -> None:
    assert read_json(rb'{"a\ud83d": 1}', dict[str, int]) == {"a\ufffd": 1}
