"""What is personal data, in the spellings that people and exports use, and what is not."""

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from firstline.text.check_digits import iban, inn, luhn, snils
from firstline.text.masks import Masker
from tests.unit.text.texts import ANY_TEXT, HOSTILE_PARTS, LONG_CHARS

mask = Masker()

CARDS = [
    ("4276550012345677", "<CARD>"),
    ("карта 4276 5500 1234 5677.", "карта <CARD>."),
    ("4276-5500-1234-5677", "<CARD>"),
    ("4276.5500.1234.5677", "<CARD>"),
    ("4276_5500_1234_5677", "<CARD>"),
    ("4276\u00a05500\u00a01234\u00a05677", "<CARD>"),
    ("4276‑5500‑1234‑5677", "<CARD>"),
    ("4276\n5500\n1234\n5677", "<CARD>"),
    ("4276 - 5500 - 1234 - 5677", "<CARD>"),
    ("42 76 55 00 12 34 56 77", "<CARD>"),
    ("427655 0012345677", "<CARD>"),
    ("4\u200b276550012345677", "<CARD>"),
    ("٤٢٧٦٥٥٠٠١٢٣٤٥٦٧٧", "<CARD>"),
    ("４２７６ ５５００ １２３４ ５６７７", "<CARD>"),
    ("4️⃣2️⃣7️⃣6️⃣550012345677", "<CARD>"),
    ("карта4276550012345677Иванов", "карта<CARD>Иванов"),
    ("4276 5500 1234 5677 12/27", "<CARD>"),
    ("4276 5500 1234 5677, до 12/27 123", "<CARD>"),
    ("42765500 12345677", "<CARD>"),
    ("4276 55001234 5677", "<CARD>"),
    ("+86 138 0013 8000", "<PHONE>"),
    ("телефон 495 123 45 67", "телефон <PHONE>"),
    ("тел. 123 45 67", "тел. <PHONE>"),
    ("cvv 123", "cvv <CODE>"),
    ("код из смс 4321", "код из смс <CODE>"),
    ("пришёл код 123456, не вводится", "пришёл код <CODE>, не вводится"),
    ("4276 5500 1234 5677 5000 руб", "<CARD> 5000 руб"),
    ("5 4276 5500 1234 5677", "5 <CARD>"),
    ("№1 4276 5500 1234 5677", "№1 <CARD>"),
    ("3782 822463 10005", "<CARD>"),
    ("2200 2400 1234 5670, 4276550012345677", "<CARD>, <CARD>"),
    ("опечатка 4276 5500 1234 5678", "опечатка <DIGITS>"),
    ("без цифры 4276 5500 1234 567", "без цифры <DIGITS>"),
]
PHONES = [
    ("89161234567", "<PHONE>"),
    ("+79161234567", "<PHONE>"),
    ("79161234567", "<PHONE>"),
    ("9161234567", "<PHONE>"),
    ("8 916 123 45 67", "<PHONE>"),
    ("8-916-123-45-67", "<PHONE>"),
    ("8(916)123-45-67", "<PHONE>"),
    ("+7 (916) 123-45-67.", "<PHONE>."),
    ("8.916.123.45.67", "<PHONE>"),
    ("8 (916) 123 - 45 - 67", "<PHONE>"),
    ("8916 123 45 67", "<PHONE>"),
    ("8916123 45 67", "<PHONE>"),
    ("8 916 123 456 7", "<PHONE>"),
    ("89 16 123 45 67", "<PHONE>"),
    ("916 123-45-67", "<PHONE>"),
    ("(916) 123 45 67", "<PHONE>"),
    ("(495) 123-45-67", "<PHONE>"),
    ("8 (49624) 5-67-89", "<PHONE>"),
    ("(89161234567)", "(<PHONE>)"),
    ("тел89161234567", "тел<PHONE>"),
    ("звоните 8-916-123-45-67срочно", "звоните <PHONE>срочно"),
    ("8\u202f916\u202f123\u202f45\u202f67", "<PHONE>"),
    ("8‑916‑123‑45‑67", "<PHONE>"),
    ("８９１６１２３４５６７", "<PHONE>"),
    ("8916\u2060123\u00ad4567", "<PHONE>"),
    ("+375 29 123-45-67", "<PHONE>"),
    ("+44 20 7946 0958", "<PHONE>"),
    ("＋7 916 123 45 67", "<PHONE>"),
    ("+7 701 123 45 67", "<PHONE>"),
    ("380 50 123 45 67", "<PHONE>"),
    ("123-45-67", "<PHONE>"),
    ("89161234567 89161234568", "<PHONE> <PHONE>"),
    ("+7 916 123 45 67 5000 руб", "<PHONE> 5000 руб"),
    ("15.03.2024 8 916 123 45 67", "15.03.2024 <PHONE>"),
    ("1 500 000 руб, 8 916 123 45 67", "1 500 000 руб, <PHONE>"),
]
DOCUMENTS = [
    ("40817810099910004312", "<ACCOUNT>"),
    ("счёт 40817 810 0 9991 0004312", "счёт <ACCOUNT>"),
    ("р/с40817810099910004312в", "р/с<ACCOUNT>в"),
    ("4081 7810 0999 1000 4312", "<ACCOUNT>"),
    ("DE89370400440532013000", "<IBAN>"),
    ("DE89 3704 0044 0532 0130 00", "<IBAN>"),
    ("ибанDE89-3704-0044-0532-0130-00", "ибан<IBAN>"),
    ("BE68 5390 0754 7034 from me", "<IBAN> from me"),
    ("de89370400440532013000", "<IBAN>"),
    ("DE88 3704 0044 0532 0130 00", "DE88 <DIGITS> 00"),
    ("4509 123456", "<PASSPORT>"),
    ("45 09 123456", "<PASSPORT>"),
    ("4509-123456", "<PASSPORT>"),
    ("4509 № 123456", "<PASSPORT>"),
    ("серия 4509 номер 123456", "серия <PASSPORT>"),
    ("Серия 45 09, номер: 123456", "Серия <PASSPORT>"),
    ("паспорт 4509123456", "паспорт <PASSPORT>"),
    ("паспорт гражданина РФ 4509123456", "паспорт гражданина РФ <PASSPORT>"),
    ("7707083893", "<INN>"),
    ("500100732259", "<INN>"),
    ("ИНН: 7707083890", "ИНН: <INN>"),
    ("ИНН/КПП 7707083893/770701001", "ИНН/КПП <INN>/<DIGITS>"),
    ("инн500100732259", "инн<INN>"),
    ("112-233-445 95", "<SNILS>"),
    ("112 233 445 95", "<SNILS>"),
    ("11223344595", "<SNILS>"),
    ("СНИЛС 112-233-445-95", "СНИЛС <SNILS>"),
    ("БИК 044525225", "БИК <DIGITS>"),
    ("ID12345678", "ID<DIGITS>"),
    ("шифр 123-45678-90", "шифр <DIGITS>"),
    ("1" * 25, "<DIGITS>"),
    ("1 " * 200, "<DIGITS>"),
]
ADDRESSES = [
    ("ivan@mail.ru", "<EMAIL>"),
    ("Почта: ivan.petrov+bank@corp.mail.co.uk.", "Почта: <EMAIL>."),
    ("почта@пример.рф", "<EMAIL>"),
    ("ivan@mail", "<EMAIL>"),
    ("iv\u200ban@mail.ru", "<EMAIL>"),
    ("i***v@mail.ru", "<EMAIL>"),
    ("****@****", "<EMAIL>"),
    ("XXXX@XXXX, жду", "<EMAIL>, жду"),
    ("x" * 80 + "@mail.ru", "<EMAIL>"),
    ("https://example.com/a?b=1", "<LINK>"),
    ("(см. https://example.com/a).", "(см. <LINK>)."),
    ("зашёл на www.sber.ru!", "зашёл на <LINK>!"),
    ("зашёл на sber.ru.", "зашёл на <LINK>."),
    ("t.me/ivan_petrov", "<LINK>"),
    ("https://user:secret@example.com/", "<LINK>"),
    ("HTTP://EXAMPLE.COM", "<LINK>"),
]
OBFUSCATED = [
    ("XXXX", "<MASK>"),
    ("ХХХХ", "<MASK>"),
    ("****", "<MASK>"),
    ("карта **** 1234", "карта <MASK>"),
    ("карта ****1234.", "карта <MASK>."),
    ("4276 **** **** 1234", "<MASK>"),
    ("4276 12** **** 1234", "<MASK>"),
    ("427612******1234", "<MASK>"),
    ("4276xxxxxxxx1234", "<MASK>"),
    ("4276-XXXX-XXXX-1234", "<MASK>"),
    ("+7 9XX XXX-XX-XX", "<MASK>"),
    ("+7 (9XX) XXX-XX-XX", "<MASK>"),
    ("8 916 ***-**-67", "<MASK>"),
    ("8 (916) ***-**-**", "<MASK>"),
    ("+7 916 123-**-**", "<MASK>"),
    ("8916***4567", "<MASK>"),
    ("+7***1234567", "<MASK>"),
    ("паспорт XXXX XXXXXX", "паспорт <MASK>"),
    ("заявка XXXX-XX. Сами", "заявка <MASK>. Сами"),
    ("ошибка E-****", "ошибка E-<MASK>"),
    ("**** 1902: 1 250 руб", "<MASK>: 1 250 руб"),
    ("1 500 000 руб с **** 1234", "1 500 000 руб с <MASK>"),
    ("<phone>", "<PHONE>"),
    ("<PHONE>", "<PHONE>"),
    ("[ФИО]", "<NAME>"),
    ("[ ФИО ]", "<NAME>"),
    ("[Имя Отчество]", "<NAME>"),
    ("[E-MAIL]", "<EMAIL>"),
    ("[NAME_1]", "<NAME>"),
    ("[НОМЕР КАРТЫ 2]", "<CARD>"),
    ("[ГОРОД]", "<ГОРОД>"),
    ("[ДАННЫЕ УДАЛЕНЫ]", "<ДАННЫЕ_УДАЛЕНЫ>"),
    ("[<phone>]", "[<PHONE>]"),
]
PROSE = [
    "5000", "1 500 000 руб", "12 000,50", "12 000.50", "1.500.000", "1500000 руб", "кредит 3000000", "5000000,50",
    "12 000 15 000 18 000", "1 500 000 2 000 000", "500 000 000 000", "8500.50 12000", "+50 000 руб",
    "12.03.2024", "2024-03-12 15:30", "2024-03-12 15", "12-03-2024", "12/03/2024 10", "12.03.24 15:30",
    "01.02.2024-15.03.2024", "2024-03-12 2024-03-13", "31.03.2024 18:30", "8 31.03.2024 18:30",
    "2023-2024", "1000-2000 руб", "10000-15000", "с 18 до 9", "15:30", "15:30:45", "2024-03-12T15:30:45.123456",
    "д. 12, кв. 345", "ул. Ленина 12-34", "каб. 123 эт. 4", "123456",
    "код 900", "ошибка 5001", "1234567.89 руб", "1234567 тенге", "[ОК]", "iOS 17.4.1", "10.0.19045.3448",
    "версия 192.168.100.200", "п. 4.2.1.3.5",
    "г.Москва", "т.е.", "и т.д.", "и т.п.и", "т.к.нет", "Привет.Меня обманули",
    "[важно]", "[очень важно]", "[1]", "<3", "x > y", "a < b > c", "б***ь", "х**", "п****ц",
    "**важно**", "***важно***", "сука***", "!!!", "...", "?!", "***ь", "XXL", "XX век", "XXI век", "ххх", "хахаха",
    "хорошо", "5@100", "№ 5", "24/7", "50/50", "c 8 до 20", "+100", "100%", "3,5%", "7-10 дней",
]  # fmt: skip


@pytest.mark.parametrize(("raw", "expected"), CARDS + PHONES + DOCUMENTS)
def test_numbers_of_a_person_are_masked_by_kind(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(("raw", "expected"), ADDRESSES)
def test_addresses_and_links_are_masked(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize(("raw", "expected"), OBFUSCATED)
def test_what_is_already_obfuscated_becomes_a_mask(raw: str, expected: str) -> None:
    assert mask(raw) == expected


@pytest.mark.parametrize("raw", PROSE)
def test_prose_is_not_masked(raw: str) -> None:
    assert mask(raw) == raw


@pytest.mark.parametrize("raw", PROSE)
def test_prose_is_not_masked_inside_a_sentence(raw: str) -> None:
    sentence = f"Вот, {raw}, это всё"
    assert mask(sentence) == sentence


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a \t\n\u00a0b", "a b"),
        ("  a  ", "a"),
        ("и\u0306", "й"),
        ("e\u200b\u0301", "é"),
        ("xxseg_lead", "x xseg_lead"),
        ("xx\u200bseg_lead", "x xseg_lead"),
        ("", ""),
    ],
)
def test_a_masked_text_is_tidy(raw: str, expected: str) -> None:
    assert mask(raw) == expected


# The team's own patterns


def test_own_patterns_come_before_the_built_in_ones() -> None:
    assert Masker((("policy", r"ОСАГО-\d{8}"),))("ОСАГО-12345678, 12345678") == "<POLICY>, <DIGITS>"


def test_own_patterns_see_one_spelling() -> None:
    assert Masker((("POLICY", "номер й"),))("номер\u00a0\u200bи\u0306") == "<POLICY>"


def test_own_patterns_leave_masks_alone() -> None:
    assert Masker((("WORD", "[A-Z]+"), ("LETTER", "[A-Z]")))("A <PHONE>") == "<WORD> <PHONE>"


def test_own_patterns_that_match_nothing_mask_nothing() -> None:
    assert Masker((("EDGE", r"\b"),))("слово и слово") == "слово и слово"


def test_own_patterns_leave_no_white_space_behind() -> None:
    text = Masker((("CODE", r"код: "),))(" код: 12")
    assert text == "<CODE>12"


# Check digits


@pytest.mark.parametrize(("digits", "right"), [("4276550012345677", True), ("4276550012345678", False)])
def test_luhn(digits: str, right: bool) -> None:
    assert luhn(digits) is right


@pytest.mark.parametrize(
    ("digits", "right"),
    [("7707083893", True), ("7707083894", False), ("500100732259", True), ("500100732258", False)],
)
def test_inn(digits: str, right: bool) -> None:
    assert inn(digits) is right


@pytest.mark.parametrize(("digits", "right"), [("11223344595", True), ("11223344596", False)])
def test_snils(digits: str, right: bool) -> None:
    assert snils(digits) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("DE89370400440532013000", True),
        ("DE88370400440532013000", False),
        ("de89370400440532013000", True),
        ("DE89", False),
    ],
)
def test_iban(text: str, right: bool) -> None:
    assert iban(text) is right


# Planted personal data

SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u00a0", "\u202f", "‑", "–", "\n", " - ", "\t", "_", "/"])
DIGIT_FORMS = st.sampled_from(["0", "٠", "０", "०", "𝟎"])
ENDS = st.sampled_from(
    ["", " ", ".", ", ", "тел", " карта ", "(", ")", ": ", "№", "\n", "!", "«", "»", "руб", " 5000 руб, "]
)


@st.composite
def spelled(draw: st.DrawFn, digits: str, *shapes: tuple[int, ...]) -> str:
    """`digits` in one of the `shapes`, with one separator, in any digits, with invisible signs in between."""
    separator, zero = draw(SEPARATORS), ord(draw(DIGIT_FORMS))
    invisible = draw(st.sampled_from(["", "\u200b", "\ufeff", "\u00ad", "\u2060"]))
    groups, start = [], 0
    for size in draw(st.sampled_from(shapes)):
        groups.append(invisible.join(chr(zero + int(digit)) for digit in digits[start : start + size]))
        start += size
    assert start == len(digits)
    return separator.join(groups)


def numerals(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=size, max_size=size)


@st.composite
def cards(draw: st.DrawFn) -> str:
    body = draw(st.sampled_from("23456")) + draw(numerals(14))
    digits = next(body + last for last in "0123456789" if luhn(body + last))
    return draw(spelled(digits, (16,), (4, 4, 4, 4), (4, 12), (8, 8), (6, 10), (2,) * 8, (1,) * 16))


@st.composite
def phones(draw: st.DrawFn) -> str:
    local = "9" + draw(numerals(9))
    head = draw(st.sampled_from(["+7", "8", "7", ""]))
    if not head:
        return draw(spelled(local, (10,), (3, 3, 2, 2), (3, 7), (3, 3, 4)))
    tail = draw(spelled(local, (10,), (3, 3, 2, 2), (3, 7), (3, 3, 4), (3, 2, 2, 3), (3, 4, 3)))
    return head + draw(SEPARATORS) + tail


@st.composite
def bracketed_phones(draw: st.DrawFn) -> str:
    code, local = draw(st.sampled_from(["916", "495", "812", "343"])), draw(numerals(7))
    head, tail = (
        draw(st.sampled_from(["+7", "8", "8 ", "+7 ", "+7\u00a0"])),
        draw(st.sampled_from(["-", " ", "", "‑", ".", " - "])),
    )
    return f"{head}({code}){draw(st.sampled_from(['', ' ']))}{local[:3]}{tail}{local[3:5]}{tail}{local[5:]}"


@st.composite
def accounts(draw: st.DrawFn) -> str:
    digits = draw(st.sampled_from(["40817810", "42301840", "40702978", "30101810"])) + draw(numerals(12))
    return draw(spelled(digits, (20,), (5, 3, 1, 4, 7), (4, 4, 4, 4, 4), (5, 5, 5, 5)))


@st.composite
def passports(draw: st.DrawFn) -> str:
    return draw(spelled(draw(numerals(10)), (4, 6), (2, 2, 6)))


@st.composite
def inns(draw: st.DrawFn) -> str:
    size = draw(st.sampled_from([10, 12]))
    body = draw(numerals(size)).replace("0", "1")[: 9 if size == 10 else 10]
    tails = [f"{tail:0{size - len(body)}}" for tail in range(10 ** (size - len(body)))]
    return draw(spelled(next(body + tail for tail in tails if inn(body + tail)), (size,)))


@st.composite
def snils_numbers(draw: st.DrawFn) -> str:
    body = draw(numerals(9))
    digits = next(f"{body}{check:02}" for check in range(100) if snils(f"{body}{check:02}"))
    return draw(spelled(digits, (11,), (3, 3, 3, 2), (9, 2)))


PLANTED = st.one_of(cards(), phones(), bracketed_phones(), accounts(), passports(), inns(), snils_numbers())


def ascii_digits(text: str) -> str:
    return "".join(str(int(char)) for char in text if char.isdecimal())


# The same examples each time, so that the gate does not depend on chance.
@settings(max_examples=1500, deadline=None, derandomize=True)
@given(PLANTED, ENDS, ENDS)
def test_no_planted_number_survives(number: str, before: str, after: str) -> None:
    # Six zeros at the end make a sum, two at the beginning a phone abroad: no passport or account is like that.
    digits = ascii_digits(number)
    assume(not digits.endswith("000000") and not digits.startswith("00"))
    masked = mask(before + number + after)
    assert ascii_digits(masked) == ascii_digits(before + after)
    assert re.search("<[A-Z]+>", masked)


@given(cards(), ENDS, ENDS)
def test_a_planted_card_is_called_a_card(card: str, before: str, after: str) -> None:
    assert "<CARD>" in mask(before + card + after)


@settings(deadline=None)
@given(
    st.emails(),
    st.sampled_from(["", " ", "Почта: ", "(", "<", "«"]),
    st.sampled_from(["", " ", ".", ", ", ")", ">", "!"]),
)
def test_no_planted_email_survives(address: str, before: str, after: str) -> None:
    assert "@" not in mask(before + address + after)


# Properties of every text


@settings(max_examples=500, deadline=None)
@given(ANY_TEXT)
@example("****1234567б")
@example("XXXX1234567XXXXб")
@example("0000001XXUP")
@example("xxxx\u0338")
@example("a@b@c")
@example("e\u200b\u0301")
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(PLANTED, ENDS, st.sampled_from(PROSE), st.sampled_from([raw for raw, _ in OBFUSCATED]))))
def test_masking_a_mixture_again_changes_nothing(parts: list[str]) -> None:
    once = mask("".join(parts))
    assert mask(once) == once


@pytest.mark.parametrize("part", HOSTILE_PARTS)
def test_a_long_hostile_text_is_masked(part: str) -> None:
    """Every pattern is linear: a quadratic one would take minutes here."""
    masked = mask((part * (LONG_CHARS // len(part)))[: LONG_CHARS - 1] + "б")
    assert mask(masked) == masked


def test_a_pattern_of_the_team_that_backtracks_ends() -> None:
    assert Masker((("POLICY", r"(\d+)+X"),))("а " + "9" * 35) == "а <DIGITS>"
