import pytest

from firstline.text.look_alikes import plain_signs
from firstline.text.masks import Masker


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("oleg＠post．example", "oleg@post.example"),
        ("（９０３）", "(903)"),
        ("oleg﹫post.example", "oleg@post.example"),
        ("⁴²⁷⁶⁵⁵", "427655"),
        ("①②③④⑤⑥", "123456"),
    ],
)
def test_look_alikes_become_plain_signs(raw: str, expected: str) -> None:
    assert plain_signs(raw) == expected


@pytest.mark.parametrize("text", ["10 м²", "CO₂", "пункт ①", "сноска¹²", "plain"])
def test_a_few_raised_digits_stay(text: str) -> None:
    assert plain_signs(text) == text


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("о𝗅𝖾g＠post．example", "<EMAIL>"),
        ("карта ⁴²⁷⁶ ⁵⁵⁰⁰ ¹²³⁴ ⁵⁶⁷⁷", "карта <CARD>"),
        ("＋７ ９０３ ５５５ １７ １８", "<PHONE>"),
    ],
)
def test_look_alikes_are_masked(raw: str, expected: str) -> None:
    assert Masker()(raw) == expected
