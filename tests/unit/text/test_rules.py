"""Text rules: each alone, the whole list, and what holds for every text."""

import re
import unicodedata
from itertools import groupby

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firstline.errors import BundleVersionUnknown
from firstline.text import rules
from firstline.text.rules import Rule, TextRules
from firstline.text.tokens import SPECIAL_TOKEN, defuse
from tests.unit.text.texts import ANY_TEXT, HOSTILE_PARTS, LONG_CHARS

RUSSIAN = TextRules.of_language("ru")
ALL_RULES = (
    rules.white_space, rules.nfc, rules.punctuation, rules.masks, rules.case, rules.yo, rules.repeats, rules.numbers,
)  # fmt: skip


def name_of(rule: Rule) -> str:
    return str(getattr(rule, "__name__", "all"))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (" a \t\r\n\u00a0\u2003b ", "a b"),
        ("a\x1cb\x85c", "a b c"),
        ("по\u00adка\u200b\ufeff", "пока"),
        ("\x00a\x9f", "a"),
        ("❤\ufe0f", "❤"),
        ("", ""),
    ],
)
def test_white_space(raw: str, expected: str) -> None:
    assert rules.white_space(raw) == expected


@pytest.mark.parametrize(("raw", "expected"), [("и\u0306", "й"), ("е\u0308", "ё"), ("e\u0301", "é"), ("ﬁ", "ﬁ")])
def test_nfc(raw: str, expected: str) -> None:
    assert rules.nfc(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"), [("«да» — „нет“…", '"да" - "нет"...'), ("it’s", "it's"), ("кто‑то", "кто-то")]
)
def test_punctuation(raw: str, expected: str) -> None:
    assert rules.punctuation(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("мой <PHONE>.", "мой xxmask_phone ."),
        ("<ГОРОД>", "xxmask_город"),
        ("тел<PHONE><EMAIL>", "тел xxmask_phone xxmask_email"),
        ("<b> <3 x > y", "<b> <3 x > y"),
    ],
)
def test_masks(raw: str, expected: str) -> None:
    assert rules.masks(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("нет", "нет"),
        ("Нет", "xxcap нет"),
        ("НЕТ", "xxup нет"),
        ("Я", "xxcap я"),
        ("нЕт", "нет"),
        ("ΌΧΙ", "xxup όχι"),
        ("ΟΔΟΣ Οδός", "xxup οδος xxcap οδός"),
        ("NO No", "xxup no xxcap no"),
        ("ՈՉ", "xxup ոչ"),
        ("ᲐᲠᲐ", "xxup არა"),
        ("არა", "არა"),
        ("Straße ẞ", "xxcap straße xxcap ß"),
        ("İstanbul", "xxcap i̇stanbul"),
        ("ǅep ǄEP", "xxcap ǆep xxup ǆep"),
        ("𝐀𝐁", "𝐀𝐁"),
        ("日本 हिन्दी", "日本 हिन्दी"),
        ("5АБ", "xxup 5аб"),
        ("2Гб А1", "xxcap 2гб xxcap а1"),
        ("Q\u0323A", "xxup q\u0323a"),
        ("xxmask_phone", "xxmask_phone"),
    ],
)
def test_case(raw: str, expected: str) -> None:
    assert rules.case(raw) == expected


@pytest.mark.parametrize(("raw", "expected"), [("ёлка Ёж", "елка Еж"), ("еж", "еж"), ("й", "й")])
def test_yo(raw: str, expected: str) -> None:
    assert rules.yo(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("нееет", "xxrep нет"),
        ("нееееттт", "xxrep нет"),
        ("длинный", "длинный"),
        ("!!!", "xxrep !"),
        ("нет!!!", "нет xxrep !"),
        ("!!", "!!"),
        ("))))", "xxrep )"),
        ("5000", "5000"),
        ("xxmask_ааа", "xxmask_ааа"),
        ("xxuppp", "xxrep x xup"),
    ],
)
def test_repeats(raw: str, expected: str) -> None:
    assert rules.repeats(raw) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("5", "5"),
        ("12", "12"),
        ("500", "xxnum3"),
        ("5 000", "xxnum4"),
        ("1 500 000 руб", "xxnum7 руб"),
        ("12345678901", "xxnum9"),
        ("12 000,50", "xxnum5,50"),
        ("700р", "700р"),
        ("12.03.2024", "12.03.xxnum4"),
        ("٥٠٠", "xxnum3"),
        ("²²²", "²²²"),
    ],
)
def test_numbers(raw: str, expected: str) -> None:
    assert rules.numbers(raw) == expected


# The list


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Верните ДЕНЬГИ!!! 5 000 руб на <CARD>", "xxcap верните xxup деньги xxrep ! xxnum4 руб на xxmask_card"),
        ("ЁЕЕ моё", "xxup xxrep е мое"),
        ("Нееет…", "xxcap xxrep нет xxrep ."),
    ],
)
def test_the_russian_list(raw: str, expected: str) -> None:
    assert RUSSIAN(raw) == expected


def test_yo_is_left_to_russian() -> None:
    assert TextRules.of_language("en")("ё") == "ё"


def test_names_carry_versions() -> None:
    assert RUSSIAN.names == (
        "white_space.v1", "nfc.v1", "punctuation.v1", "masks.v1", "case.v1", "yo.v1", "repeats.v1", "numbers.v1",
    )  # fmt: skip


def test_only_the_named_rules_apply() -> None:
    assert TextRules(("yo.v1",))("Ёлка  5000") == "Елка  5000"


def test_an_unknown_rule_is_refused_by_name() -> None:
    with pytest.raises(BundleVersionUnknown, match=r"case\.v9"):
        TextRules(("white_space.v1", "case.v9"))


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("lead", "xxseg_lead нет xxseg_lead"),
        ("New lead", "xxseg_new_lead нет xxseg_new_lead"),
        (None, "нет"),
        ("", "нет"),
    ],
)
def test_the_segment_stands_at_both_ends(segment: str | None, expected: str) -> None:
    assert RUSSIAN.with_segment("нет", segment) == expected


def test_the_segment_stands_at_both_ends_of_no_text() -> None:
    assert RUSSIAN.with_segment(" ", "lead") == "xxseg_lead xxseg_lead"


# What holds for every text


def letters(text: str, tokens: bool) -> list[str]:
    """The letters of a text: lower case, `ё` as `е`, without accents, a run as one letter.

    Of `<PHONE>` and, with `tokens`, of `xxmask_phone` the kind counts; no other special token does.
    """
    if tokens:
        text = SPECIAL_TOKEN.sub(lambda token: token[0].partition("mask_")[2], text)
    lowered = unicodedata.normalize("NFC", text).lower().replace("ς", "σ")
    once = "".join(letter for letter, _ in groupby(char for char in lowered if char.isalpha()))
    plain = unicodedata.normalize("NFD", once)
    return [letter for letter, _ in groupby(char for char in plain if char.isalpha())]


@pytest.mark.parametrize("rule", [*ALL_RULES, RUSSIAN], ids=name_of)
@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXT)
@example(text="ёее")
@example(text="Ё\u0306")
@example(text="xxuppp")
@example(text="İİİ")
@example(text="5АБ")
def test_applying_again_changes_nothing(rule: Rule, text: str) -> None:
    once = rule(text)
    assert rule(once) == once


@pytest.mark.parametrize("rule", [*ALL_RULES, RUSSIAN], ids=name_of)
@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXT)
def test_no_letter_is_lost(rule: Rule, text: str) -> None:
    read = defuse(rules.nfc(rules.white_space(text)))  # as the masker leaves it
    assert letters(rule(read), tokens=True) == letters(read, tokens=False)


@pytest.mark.parametrize("rule", [rules.white_space, rules.nfc, rules.punctuation, rules.yo], ids=name_of)
@settings(deadline=None)
@given(text=ANY_TEXT)
def test_no_letter_of_a_raw_text_is_lost(rule: Rule, text: str) -> None:
    assert set(letters(rule(text), tokens=False)) == set(letters(text, tokens=False))


@settings(max_examples=300, deadline=None)
@given(ANY_TEXT, st.sampled_from(["lead", None]))
def test_nobody_poses_as_a_segment(text: str, segment: str | None) -> None:
    ruled = RUSSIAN.with_segment(defuse(rules.nfc(rules.white_space(text))), segment)
    assert re.findall(r"\bxxseg_\w+", ruled) == ["xxseg_lead"] * 2 * bool(segment)


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_a_long_hostile_text_is_ruled(part: str) -> None:
    """Every pattern is linear: a quadratic one would take minutes here."""
    ruled = RUSSIAN((part * (LONG_CHARS // len(part)))[: LONG_CHARS - 1] + "б")
    assert ruled.endswith("б")
