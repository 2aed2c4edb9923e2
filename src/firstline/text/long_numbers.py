"""Long numbers: which run of digits is a card, a phone, an account or a document, and which is a sum or a date.

A run is digits with at most three spaces, dashes, dots, slashes or brackets between two of them. It is cut
into groups, and neighbouring groups are tried together as each kind, so that a sum beside a card
stays what it is. What is too long for prose and nothing else is `<DIGITS>`.
"""

import re

from firstline.text.check_digits import inn, luhn, snils

_DASHES = r"\-‐‑‒–—―−－"
RUN = re.compile(rf"(?<!\d)\d(?:[ ()./_{_DASHES}]{{0,3}}\d){{6,}}+")
"""Seven digits or more that may belong together."""

_GROUP = re.compile(r"\d+")
_DATE = re.compile(
    r"(?<!\d)(?:(?:0?[1-9]|[12]\d|3[01])([./\-])(?:0?[1-9]|1[0-2])\1(?:19|20)\d\d"
    r"|(?:19|20)\d\d([./\-])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01]))(?!\d)"
)
_NAMED = re.compile(
    r"(?<!\w)(?:(паспорт\w{0,5}|сери[яию]|passport)|(инн|inn)|(снилс\w{0,2}|snils)|(тел(?:ефон\w{0,3})?|phone|моб\w{0,8}))\W{0,3}(?:\w{1,12}\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_NAMED_KINDS = (("PASSPORT", (10,)), ("INN", (12, 10)), ("SNILS", (11,)), ("PHONE", (11, 10, 7)))
_SUM_GOES_ON = re.compile(
    r" ?(?:р(?:уб|\b)|₽|rub|usd|eur|долл|тенге|сум\b|евро|[$€₸]|т\.? ?р|тыс|млн|[,.]\d\d(?!\d))", re.IGNORECASE
)
_SUM = re.compile(r"(?<!\d)\d{1,3}(?: \d{3}){1,3}(?!\d)")
_CURRENCIES = re.compile(r"810|643|840|978|156|826|756|392|398|933|944|051|949|784|356|417|860|972")
_ACCOUNT_CHAPTERS = frozenset({"30", "40", "42"})  # banks, companies and people, deposits
_LOOSE = re.compile(rf"\d(?:[ _{_DASHES}]?\d){{8,}}+")

_LONGEST_RUN_CHARS = 200
_MOST_DIGITS = 20
_LIKELIEST = {n_digits: rank for rank, n_digits in enumerate((20, 16, 19, 18, 17, 15, 14, 13, 12, 11, 10, 9, 8, 7))}
_SIZES = "0123456789abcdefghijk"  # the length of a group as one sign, so that a shape is a string
_CARD_SHAPE = re.compile(r"[d-j]|4{3,4}[1-4]|44[45]|[48c]{2,3}|4{3}22|6a|2{8}|1{16}")
_PHONE_SHAPE = re.compile(r"a|[1-6][1-4]+|37|46|55|82|73")
_CITY_PHONE_SHAPES = frozenset({"3322", "334", "4222", "433"})
_NEIGHBOURS = re.compile(r"(?:37[3-5]|380|99[2-8])")
_PASSPORT_SHAPES = frozenset({"46", "226"})


def mask_long_numbers(text: str) -> str:
    """The text with every long number as `<KIND>`. Sums and dates stay."""
    found = []
    end = 0
    for match in RUN.finditer(text):
        start = match.start()
        while start > max(end, match.start() - 2) and text[start - 1] in "+＋(":
            start -= 1
        named = _NAMED.search(text, max(0, start - 40), start)
        found.append(text[end:start])
        found.append(
            _masked_run(
                text[start : match.end()], named.lastindex if named else None, text[match.end() : match.end() + 6]
            )
        )
        end = match.end()
    return "".join(found) + text[end:]


def _masked_run(run: str, named: int | None, after: str) -> str:
    if len(run) > _LONGEST_RUN_CHARS:
        return "<DIGITS>"
    parts = []
    end = 0
    for date in _DATE.finditer(run):
        parts += [_masked_groups(run[end : date.start()], named, ""), date[0]]
        end = date.end()
        named = None
    return "".join(parts) + _masked_groups(run[end:], named, after)


def _masked_groups(run: str, named: int | None, after: str) -> str:
    groups = list(_GROUP.finditer(run))
    parts = []
    place = end = 0
    while place < len(groups):
        kind, size = _kind(run, groups, place, named if place == 0 else None)
        stop = groups[place + size - 1].end()
        if kind == "DIGITS" and size == 1 and _is_sum(groups[place][0], run[stop : stop + 6] or after):
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
    windows: dict[int, tuple[str, str]] = {}  # number of digits -> its digits, its shape
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
        windows = {n: ("".join(str(int(d)) for d in number), form) for n, (number, form) in windows.items()}
    start = groups[place].start()
    if named:
        kind, sizes = _NAMED_KINDS[named - 1]
        for n_digits in sizes:
            if n_digits in windows and (kind != "PHONE" or n_digits == max(windows)):
                return kind, len(windows[n_digits][1])
    if run[:start].rstrip("(").endswith(("+", "＋")) and (n_groups := _after_plus(windows)):
        return "PHONE", n_groups
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
    if n_digits == 20:
        grouped_account = number[:2] in _ACCOUNT_CHAPTERS and bool(_CURRENCIES.match(number, 5)) and shape != "g4"
        return "ACCOUNT" if len(shape) == 1 or grouped_account else ""
    if n_digits >= 13:
        if number[0] in "23456" and luhn(number) and not (shape == "c4" and inn(number[:12])):
            return "CARD" if _CARD_SHAPE.fullmatch(shape) or (shape == "465" and number[:2] in ("34", "37")) else ""
        return "DIGITS" if shape == "4444" else ""
    if n_digits == 12:
        if shape == "c" and inn(number):
            return "INN"
        return "PHONE" if _NEIGHBOURS.match(number) and not _is_thousands(shape) else ""
    if n_digits == 11:
        return _kind_of_eleven(number, shape)
    if n_digits == 10:
        return _kind_of_ten(number, shape, written)
    return "PHONE" if n_digits == 7 and shape == "322" and " " not in written and "." not in written else ""


def _kind_of_eleven(number: str, shape: str) -> str:
    if shape == "3332":
        return "SNILS"
    local = (_SIZES[_SIZES.index(shape[0]) - 1] + shape[1:]).lstrip("0")
    if number[0] in "78" and number[1] in "3456789" and _PHONE_SHAPE.fullmatch(local):
        return "PHONE"
    return "SNILS" if shape[0] in "39b" and snils(number) else ""


def _kind_of_ten(number: str, shape: str, written: str) -> str:
    if shape in _PASSPORT_SHAPES:
        return "PASSPORT"
    if number[0] == "9" and shape[0] in "34568a" and _PHONE_SHAPE.fullmatch(shape):
        return "PHONE"
    if number[0] in "3489" and shape in _CITY_PHONE_SHAPES and re.search(rf"[(){_DASHES}]", written):
        return "PHONE"
    return "INN" if shape == "a" and inn(number) else ""


def _is_thousands(shape: str) -> bool:
    return len(shape) > 1 and shape[0] in "123" and set(shape[1:]) == {"3"}


def _is_sum(digits: str, after: str) -> bool:
    return len(digits) <= 9 and (digits.endswith("000") or bool(_SUM_GOES_ON.match(after)))


def _loose(match: re.Match[str]) -> str:
    """What no kind took: many digits, one sign apart, are masked unless they read as sums."""
    written = _SUM.sub("", match[0])
    n_digits = sum(map(str.isdigit, written))
    if " " in written.strip():
        return "<DIGITS>" if n_digits >= 13 else match[0]
    n_groups = len(_GROUP.findall(written))
    return "<DIGITS>" if n_digits >= (11 if n_groups < 3 else 9) else match[0]
