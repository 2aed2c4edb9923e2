"""Long numbers: which run of digits is a card, a phone, an account or a document, and which is a sum or a date.

What a company numbers itself (`договор 76668/27-1561`), versions and UUIDs stay too.

A run is digits with at most three spaces, dashes, dots, slashes or brackets between two of them. It is cut
into groups, and neighbouring groups are tried together as each kind, so that a sum beside a card
stays what it is. What is too long for prose and nothing else is `<DIGITS>`.
"""

import re

from firstline.text.check_digits import inn, luhn, snils
from firstline.text.devices import versions_apart
from firstline.text.national_phones import Windows, after_eight, after_trunk_zero
from firstline.text.number_names import NAMED_KINDS, name_before
from firstline.text.sums_and_dates import (
    DASHES,
    SUMS_AND_DATES,
    are_dates,
    are_years_or_amounts,
    is_prose,
    is_round_or_years,
)

RUN = re.compile(rf"(?<!\d)\d(?:[ ()./_{DASHES}]{{0,3}}\d){{6,}}+")
"""Seven digits or more that may belong together."""
HAS_RUN = re.compile(rf"\d(?:[ ()./_{DASHES}]{{0,3}}\d){{6}}")
"""Whether there may be one: finds the first digit faster."""

_GROUP = re.compile(r"\d+")
_BETWEEN = re.compile(r"\D+")
_MOBILE = re.compile(r"[78]?9\d{9}")
_HEXADECIMAL = re.compile(
    r"((?<![\w\-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w\-])|(?<!\w)0x[0-9a-f]{1,16}(?!\w))", re.IGNORECASE
)
_SUM = re.compile(r"(?<!\d)\d{1,3}(?: \d{3}){1,3}(?!\d)")
_CURRENCIES = re.compile(r"810|643|840|978|156|826|756|392|398|933|944|051|949|784|356|417|860|972")
_ACCOUNT_CHAPTERS = frozenset({"30", "40", "42"})  # banks, companies and people, deposits
_LOOSE = re.compile(rf"\d(?:[ _{DASHES}]?\d){{8,}}+")

_LONGEST_RUN_CHARS = 200
_MOST_DIGITS = 20
_LIKELIEST = {n_digits: rank for rank, n_digits in enumerate((20, 16, 19, 18, 17, 15, 14, 13, 12, 11, 10, 9, 8, 7))}
_SIZES = "0123456789abcdefghijk"  # the length of a group as one sign, so that a shape is a string
_CARD_SHAPE = re.compile(r"[d-j]|4{3,4}[1-4]|44[45]|[48c]{2,3}|4{3}22|6a|2{8}|1{16}")
_PHONE_SHAPE = re.compile(r"a|[1-6][1-4]+|37|46|55|82|73")
_CITY_PHONE_SHAPES = frozenset({"3322", "334", "4222", "433"})
_NEIGHBOURS = re.compile(r"(?:37[3-5]|380|99[2-8])")
_PASSPORT_SHAPES = frozenset({"46", "226"})
_SNILS_SHAPES = frozenset({"b", "92", "335", "3332"})


def mask_long_numbers(text: str) -> str:
    """The text with every long number as `<KIND>`. Sums, dates, versions, UUIDs and numbers of orders stay."""
    parts = _HEXADECIMAL.split(text) if text.count("-") >= 4 or "0x" in text else [text]
    parts[::2] = [_without_versions(part) for part in parts[::2]]
    return "".join(parts)


def _without_versions(text: str) -> str:
    parts = versions_apart(text)
    parts[::2] = [_masked(part) for part in parts[::2]]
    return "".join(parts)


def _masked(text: str) -> str:
    found = []
    end = 0
    for match in RUN.finditer(text):
        start = match.start()
        while start > max(end, match.start() - 2) and text[start - 1] in "+＋(":
            start -= 1
        named, is_reference = name_before(text, start)
        run = text[start : match.end()]
        kept = _reference(run) if is_reference else ""
        found.append(text[end:start] + kept)
        after = text[match.end() : match.end() + 6]
        found.append(_masked_run(run[len(kept) :], named, after))
        end = match.end()
    return "".join(found) + text[end:]


def _reference(run: str) -> str:
    """The number of an order or a contract, up to a space, or "" if it may be a card or a phone."""
    written = run.split(" ", 1)[0]
    groups = _GROUP.findall(written)
    digits = "".join(groups)
    if not 7 <= len(digits) <= 15 or written[0] == "+" or "(" in written or _MOBILE.fullmatch(digits):
        return ""
    if len(groups) > 3 and len(digits) == 11 and digits[0] in "78":
        return ""
    return "" if len(digits) >= 13 and luhn(_ascii(digits)) else written


def _masked_run(run: str, named: int | None, after: str) -> str:
    if len(run) > _LONGEST_RUN_CHARS:
        return "<DIGITS>"
    parts = []
    end = 0
    for kept in SUMS_AND_DATES.finditer(run):
        parts += [_masked_groups(run[end : kept.start()], named, ""), kept[0]]
        end = kept.end()
        named = None
    return "".join(parts) + _masked_groups(run[end:], named, after)


def _masked_groups(run: str, named: int | None, after: str) -> str:
    groups = list(_GROUP.finditer(run))
    parts = []
    place = end = 0
    while place < len(groups):
        kind, size = _kind(run, groups, place, named if place == 0 else None)
        stop = groups[place + size - 1].end()
        if kind == "DIGITS" and size == 1 and is_prose(groups[place][0], run[stop : stop + 6] or after):
            kind = ""
        if kind:
            start = groups[place].start()
            while start > end and (run[start - 1] in "+＋" or (run[start - 1] == "(" and ")" in run[start:stop])):
                start -= 1
            parts += [_LOOSE.sub(_loose, run[end:start]), f"<{kind}>"]
            end = stop
        place += size
    return "".join(parts) + _LOOSE.sub(_loose, run[end:])


def _kind(run: str, groups: list[re.Match[str]], place: int, named: int | None) -> tuple[str, int]:
    """What begins at group `place`, or "", and how many groups it takes."""
    digits = ""
    shape = ""
    windows: Windows = {}
    for group in groups[place:]:
        size = group.end() - group.start()
        if len(digits) + size > _MOST_DIGITS:
            break
        digits += group[0]
        shape += _SIZES[size]
        windows[len(digits)] = digits, shape
    if not windows:
        return "DIGITS", 1
    if len(digits) < 7:
        return "", 1
    if not digits.isascii():
        windows = {n: (_ascii(number), form) for n, (number, form) in windows.items()}
    start = groups[place].start()
    if named:
        kind, sizes = NAMED_KINDS[named - 1]
        for n_digits in sizes:
            if n_digits in windows and (kind != "PHONE" or n_digits == max(windows)):
                return kind, len(windows[n_digits][1])
    if run[:start].rstrip("(").endswith(("+", "＋")) and (n_groups := _after_plus(windows)):
        return "PHONE", n_groups
    if windows[max(windows)][0][0] == "0" and (n_digits := after_trunk_zero(windows, run[start:])):
        return "PHONE", len(windows[n_digits][1])
    for n_digits in sorted(windows.keys() & _LIKELIEST.keys(), key=_LIKELIEST.__getitem__):
        number, form = windows[n_digits]
        written = run[start : groups[place + len(form) - 1].end()]
        if kind := _kind_of(n_digits, number, form, written):
            return kind, len(form)
    return ("DIGITS", 1) if len(groups[place][0]) >= 7 else ("", 1)


def _after_plus(windows: dict[int, tuple[str, str]]) -> int:
    """How many groups after a `+` are a phone number, 0 if none."""
    number = next(iter(windows.values()))[0]
    sizes = (11, 13, 12, 10, 14) if number[0] in "178" else (13, 12, 11, 10, 9, 14, 15)
    for n_digits in sizes:
        if n_digits in windows and not (n_digits < 11 and _is_thousands(windows[n_digits][1])):
            return len(windows[n_digits][1])
    return 0


def _kind_of(n_digits: int, number: str, shape: str, written: str) -> str:
    if n_digits >= 7 and len(shape) >= 3 and is_round_or_years(written):
        return ""
    if n_digits == 20:
        grouped_account = number[:2] in _ACCOUNT_CHAPTERS and bool(_CURRENCIES.match(number, 5)) and shape != "g4"
        return "ACCOUNT" if len(shape) == 1 or grouped_account else ""
    if number.startswith("8") and after_eight(number, shape) and not _is_thousands(shape):
        return "PHONE"
    if n_digits >= 13:
        return _kind_of_card(number, shape, written)
    if n_digits == 12:
        if shape in ("c", "444") and inn(number):
            return "INN"
        return "PHONE" if _NEIGHBOURS.match(number) and not _is_thousands(shape) else ""
    if n_digits == 11:
        return _kind_of_eleven(number, shape, written)
    if n_digits == 10:
        return _kind_of_ten(number, shape, written)
    return "PHONE" if n_digits == 7 and shape == "322" and " " not in written and "." not in written else ""


def _kind_of_card(number: str, shape: str, written: str) -> str:
    if number[0] in "23456" and luhn(number) and not (shape == "c4" and inn(number[:12])):
        if len(shape) >= 8 and len(set(_BETWEEN.findall(written))) > 1:
            return ""  # `23.02 07.10 10.11 12.03`: pairs in pairs are dates or times
        return "CARD" if _CARD_SHAPE.fullmatch(shape) or (shape == "465" and number[:2] in ("34", "37")) else ""
    return "DIGITS" if shape == "4444" else ""


def _kind_of_eleven(number: str, shape: str, written: str) -> str:
    if shape == "3332" and (snils(number) or re.search(rf"[{DASHES}]", written)):
        return "SNILS"
    local = (_SIZES[_SIZES.index(shape[0]) - 1] + shape[1:]).lstrip("0")
    if number[0] in "78" and number[1] in "3456789" and _PHONE_SHAPE.fullmatch(local):
        return "PHONE"
    return "SNILS" if shape in _SNILS_SHAPES and snils(number) else ""


def _kind_of_ten(number: str, shape: str, written: str) -> str:
    if shape in _PASSPORT_SHAPES and not (number[3] == "0" and number.endswith("00")):
        return "PASSPORT"
    if number[0] == "9" and shape[0] in "34568a" and _PHONE_SHAPE.fullmatch(shape):
        return "PHONE"
    if shape in _CITY_PHONE_SHAPES and re.search(rf"[(){DASHES}]", written):
        return "PHONE" if number[0] in "3489" or (shape == "334" and number[0] > "1" and number[3] > "1") else ""
    return "INN" if shape == "a" and inn(number) else ""


def separated_kind(number: str, shape: str) -> str:
    """The kind of a whole number whose groups one unusual sign parts, such as `4276*5500*1234*5677`, or ""."""
    if _is_thousands(shape) or len(number) not in _LIKELIEST:
        return ""
    return _kind_of(len(number), number, shape, "")


def _ascii(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(int(digit)) for digit in digits)


def _is_thousands(shape: str) -> bool:
    return len(shape) > 1 and shape[0] in "123" and set(shape[1:]) == {"3"}


def _loose(match: re.Match[str]) -> str:
    """What no kind took: many digits, one sign apart, are masked unless they read as sums."""
    parts = _GROUP.findall(match[0])
    if len(parts) > 1 and (are_dates(parts) or (min(map(len, parts)) >= 3 and are_years_or_amounts(parts))):
        return match[0]
    written = _SUM.sub("", match[0])
    n_digits = sum(map(str.isdigit, written))
    if " " in written.strip():
        return "<DIGITS>" if n_digits >= 13 else match[0]
    groups = _GROUP.findall(written)
    if all(group.endswith("00") for group in groups):  # `50000-100000`
        return match[0]
    return "<DIGITS>" if n_digits >= (11 if len(groups) < 3 else 9) else match[0]
