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
    r"\B\d\B",
    r"(?a)\b\w+\b",
    r"[\W_]{2}",
    r"(?:а|б)*в?г",
    r"\d+?\b",
    r"(?<=№)\s*\d+",
    r"\d+(?=\s)",
    r"(?i:осаго)|КАСКО",
    r"(?x) \d + # digits",
    r"^\d+|\d+$",
    r"_\w_|[A-z]+\d",
    r"(?<![\w-])\d{2}\b",
    r"\b.{0,9}\d\b",
    r"(?i)straße\b",
    r"[^,]+\b,",
    r"\b\d*",
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
    text = text.replace("\ufffe", "") if r"\b" in pattern.lower() else text
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
        (r"(?<!-)\bд", "дд д-д", ["", "д ", "-д"]),
    ],
)
def test_russian_letters_and_edges(pattern: str, text: str, parts: list[str]) -> None:
    assert compile_pattern(pattern).split(text) == parts


def test_a_pattern_that_backtracks_ends() -> None:
    assert compile_pattern(r"(\d+)+X").split("1" * 50_000) == ["1" * 50_000]


def test_a_marked_text_that_holds_the_sign_of_the_underscore_is_taken() -> None:
    assert compile_pattern(r"\bа\b").split("б\ufffe_а а") == ["б\ufffd_а ", ""]


def test_a_text_that_cannot_be_encoded_is_taken() -> None:
    assert compile_pattern(r"\bа\b").split("\ud83d а") == ["\ud83d ", ""]


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        (r"(?<!аб)\d", r"(?<!\d) may stand at its very start"),
        (r"a(?=b)c", r"write \b for the edge of a word"),
        (r"(?:a|(?!b))c", "looks around"),
        (r"(\d)\1", "refers back to a group"),
        (r"\d++X", r"write \d+"),
        (r"(?>\d)", "atomic group"),
        (r"(a)?(?(1)b|c)", "write two patterns"),
        (r"\d{1001}", "more than 1,000 times"),
        (r"(?:\w{1,1000}){1,1000}", "too large"),
        (r"(?a:\b)1\b", "write one of them"),
    ],
)
def test_a_pattern_that_cannot_be_run_names_its_kind(pattern: str, kind: str) -> None:
    with pytest.raises(PatternRefused, match=re.escape(kind)):
        compile_pattern(pattern)
