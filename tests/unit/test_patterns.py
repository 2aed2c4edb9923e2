import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.patterns import PatternRefused, compile_pattern

PATTERNS = [
    r"ОСАГО-\d{6}",
    r"\bполис\w*\s+№?\s*\d+\b",
    r"(?i)договор\s+\d{3,}",
    r"(?<!\d)\d{6}(?!\d)",
    r"(?<!\d)\d(?!\w)",
    r"\b[А-ЯЁ]{2}\d{4}\b",
    r"[^\W\d_]{3}-\d+",
    r"\w+@\w+",
    r"(?i)\bполис\s*[:№]?\s*\S+",
    r"[\W_]{2}",
    r"(?:а|б)*в?г",
    r"\d+?\b",
    r"(?<=№)\s*\d+",
    r"\d+(?=\s)",
    r"(?i:осаго)|КАСКО",
    r"^\d+|\d+$",
    r"_\w_|[A-z]+\d",
    r"(?<![\w-])\d{2}\b",
    r"(?i)straße\b",
    r"\b\d*",
    r"полис-\d{,6}",
    r"(?<!№)\d{4,6}",
    r"(?<!\s)\d+",
    r"(?<!\D)\w",
    r"(?i)(?<!а)б",
]
SIGNS = "аяАЯёЁ\u0301é 12٣№,.-_@XxßK\u212a\ufffe😀"
WORDS = ["полис № 123", "ОСАГО-123456", "осаго", "Договор 1234", "АБ1234", "112233", "STRASSE", "straße", "КАСКО"]
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(SIGNS, max_size=6)), max_size=6).map("".join)


def split_by_re(pattern: str, text: str) -> list[str]:
    parts, end = [], 0
    for found in re.finditer(pattern, text):
        if found[0]:
            parts.append(text[end : found.start()])
            end = found.end()
    return [*parts, text[end:]]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(text=TEXTS)
def test_a_pattern_finds_what_python_finds(pattern: str, text: str) -> None:
    assert compile_pattern(pattern).split(text) == split_by_re(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "parts"),
    [
        (r"\bполис\b", "полис полиса Полис, полис", ["", " полиса Полис, ", ""]),
        (r"(?i)\bполис\b", "Полис ПОЛИСА", ["", " ПОЛИСА"]),
        (r"\w+-7", "договор-7 _й_-7", ["", " ", ""]),
        (r"\d+", "٣ и 7", ["", " и ", ""]),
        (r"(?<!\d)\d{3}(?!\d)", "123 1234 ж567", ["", " 1234 ж", ""]),
        (r"(?<!\d)\d\b", "7 7", ["", " ", ""]),
    ],
)
def test_russian_letters_and_edges(pattern: str, text: str, parts: list[str]) -> None:
    assert compile_pattern(pattern).split(text) == parts


def test_a_pattern_that_backtracks_ends() -> None:
    assert compile_pattern(r"(\d+)+X").split("1" * 50_000) == ["1" * 50_000]


def test_a_text_that_cannot_be_encoded_is_taken() -> None:
    assert compile_pattern(r"\bа\b").split("\ud83d а") == ["\ud83d ", ""]


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        (r"(?<!аб)\d", "only one character"),
        (r"a(?=b)c", "looks around inside"),
        (r"(?:a|(?!b))c", "looks around inside"),
        (r"(\d)\1", "refers back to a group"),
        (r"a\bc", r"has \b inside"),
        (r"\B\d", r"has \B inside"),
        (r"\ba|b\b", "put them into a group"),
        (r"[\W5]", r"has \W in a class"),
        (r"\d++X", "cannot be run by RE2"),
        (r"(?>\d)", "cannot be run by RE2"),
        (r"(?x) \d", "cannot be run by RE2"),
        (r"\d{1001}", "cannot be run by RE2"),
        (r"(?:\w{1,1000}){1,1000}", "cannot be run by RE2"),
    ],
)
def test_a_pattern_that_cannot_be_run_says_why(pattern: str, why: str) -> None:
    with pytest.raises(PatternRefused, match=re.escape(why)):
        compile_pattern(pattern)


def test_what_is_no_pattern_is_no_pattern_of_python_either() -> None:
    with pytest.raises(re.error):
        compile_pattern("(")
