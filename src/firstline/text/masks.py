"""Masking: personal data becomes `<KIND>` before a message is stored or answered.

Applied to raw text only, at import, at evaluation and in the service, always by this one copy.
What an export has obfuscated already (`XXXX`, `****`, `<phone>`, `[ФИО]`) becomes a mask too, so
that a model sees one spelling. A kind is upper case; the rule `masks` makes a token of each.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from firstline.text.rules import nfc, white_space
from firstline.text.tokens import defuse

MASKS_VERSION = "masks.v1"

_SEPARATED_DIGITS = r"\d(?:[ \u00a0.\-–]?\d)"

_EMAIL = re.compile(r"[\w.+\-]{1,64}@(?:[^\W_][\w\-]{0,62}\.)+[^\W\d_]{2,24}")
_LINK = re.compile(
    r"(?:https?|ftp)://[^\s<>\"»]+|\bwww\.[^\s<>\"»]+"
    r"|(?<![\w.@\-])(?:[^\W_][\w\-]{0,62}\.)+(?:ru|рф|com|net|org|su|me|io|info|by|kz|ua|bank|online|site)"
    r"(?:/[^\s<>\"»]*|(?![\w\-.@]))",
    re.IGNORECASE,
)
_IBAN = re.compile(r"(?<!\w)[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?(?!\w)")
_ACCOUNT = re.compile(rf"(?<![\w]){_SEPARATED_DIGITS}{{19}}(?!\w)")
_CARD = re.compile(rf"(?<![\w]){_SEPARATED_DIGITS}{{12,18}}(?!\w)")
_SNILS = re.compile(r"(?<!\w)\d{3}[- ]\d{3}[- ]\d{3}[- ]\d{2}(?!\w)|(?<!\w)\d{11}(?!\w)")
_PHONE = re.compile(
    r"(?<![\w+])(?:\+\d{1,3}|8|7)[ \u00a0\-–.]{0,2}\(?\d{3,5}\)?(?:[ \u00a0\-–.]{0,2}\d){5,7}(?!\w)"
    r"|(?<!\w)\(?9\d{2}\)?[ \u00a0\-–.]{0,2}\d{3}[ \u00a0\-–.]?\d{2}[ \u00a0\-–.]?\d{2}(?!\w)"
    r"|(?<!\w)\+\d{10,15}(?!\w)"
)
_PASSPORT_NAMED = re.compile(
    r"((?<!\w)(?:паспорт\w*|серия|passport)\W{0,3}(?:\w+\W{1,3}){0,2}?)"
    r"(\d{2} ?\d{2}(?:\W{1,3}|\W{0,3}(?:номер|№|n)\W{0,3})?\d{6})(?!\w)",
    re.IGNORECASE,
)
_PASSPORT = re.compile(r"(?<!\w)(?:\d{2} \d{2}|\d{4})[ №\-–]{1,3}\d{6}(?!\w)")
_INN_NAMED = re.compile(r"((?<!\w)инн\W{0,3}(?:\w+\W{1,3})?)(\d{10}(?:\d{2})?)(?!\w)", re.IGNORECASE)
_INN = re.compile(r"(?<!\w)\d{10}(?:\d{2})?(?!\w)")
_DIGITS = re.compile(r"(?<!\w)\d(?:[ \-–]?\d){6,}(?!\w)|(?<!\d)\d{7,}(?!\d)")
_THOUSANDS = re.compile(r"\d{1,3}(?: \d{3})+")

_X = "XxХх"
_OBFUSCATED = re.compile(
    rf"(?<![\w*])(?:\+?\d[\d ()\-–]*)?(?:\*{{3,}}|[{_X}]{{4,}}|[XХ]{{3,}})"
    rf"(?:[ \-–()]{{0,2}}(?:[*{_X}]{{2,}}|\d{{2,}}))*(?![\w*])"
)
_BRACKETED = re.compile(r"<([^<>\n]{1,40})>|\[([^\[\]\n]{1,40})\]")
_KIND_NAMES = {
    "PHONE": "phone phone_number tel telephone телефон номер_телефона тел",
    "EMAIL": "email e-mail mail email_address почта электронная_почта",
    "CARD": "card card_number pan карта номер_карты",
    "ACCOUNT": "account account_number счет счёт номер_счета номер_счёта",
    "IBAN": "iban",
    "NAME": "name full_name person per fio фио имя фамилия отчество имя_отчество",
    "PASSPORT": "passport паспорт",
    "INN": "inn инн",
    "SNILS": "snils снилс",
    "ADDRESS": "address addr адрес",
    "LINK": "link url ссылка",
    "DATE": "date дата",
    "SUM": "sum amount money сумма",
    "CONTRACT": "contract договор номер_договора",
    "CODE": "code код otp",
    "LOGIN": "login логин user",
    "PASSWORD": "password пароль",
    "DIGITS": "digits number num номер цифры",
    "MASK": "mask masked hidden removed redacted скрыто удалено маска",
}
_KIND_BY_NAME = {name: kind for kind, names in _KIND_NAMES.items() for name in names.split()}
_KIND_SHAPE = re.compile(r"[^\W\d_]\w{1,31}")


def luhn(digits: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def inn(digits: str) -> bool:
    """Whether the check digits of a Russian taxpayer number, 10 or 12 digits, are right."""
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)

    def check(count: int) -> bool:
        used = weights[len(weights) - count :]
        return sum(w * int(d) for w, d in zip(used, digits, strict=False)) % 11 % 10 == int(digits[count])

    return check(9) if len(digits) == 10 else check(10) and check(11)


def snils(digits: str) -> bool:
    """Whether the check number of a Russian pension insurance number, 11 digits, is right."""
    total = sum((9 - place) * int(digit) for place, digit in enumerate(digits[:9]))
    return total % 101 % 100 == int(digits[9:])


def iban(text: str) -> bool:
    """Whether the check digits of an IBAN are right (ISO 13616, modulo 97)."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _only_digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _card(match: re.Match[str]) -> str:
    digits = _only_digits(match[0])
    return "<CARD>" if digits[0] in "23456" and luhn(digits) else match[0]


def _iban(match: re.Match[str]) -> str:
    compact = match[0].replace(" ", "")
    return "<IBAN>" if 15 <= len(compact) <= 34 and iban(compact) else match[0]


def _snils(match: re.Match[str]) -> str:
    written = match[0]
    grouped = not written.isdigit()
    return "<SNILS>" if grouped or (written[0] not in "78" and snils(written)) else written


def _inn(match: re.Match[str]) -> str:
    return "<INN>" if inn(match[0]) else match[0]


def _digits(match: re.Match[str]) -> str:
    return match[0] if _THOUSANDS.fullmatch(match[0]) else "<DIGITS>"


def _bracketed(match: re.Match[str]) -> str:
    written = (match[1] or match[2]).strip()
    name = re.sub(r"[\s\-]+", "_", written)
    kind = _KIND_BY_NAME.get(re.sub(r"_?\d+$", "", name.lower())) or _KIND_BY_NAME.get(written.lower())
    if kind:
        return f"<{kind}>"
    if _KIND_SHAPE.fullmatch(name) and name == name.upper() and name != name.lower():
        return f"<{name}>"
    return match[0]


_ALWAYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("<[", lambda text: _BRACKETED.sub(_bracketed, text)),
    ("@", lambda text: _EMAIL.sub("<EMAIL>", text)),
    (".", lambda text: _LINK.sub("<LINK>", text)),
    (_X + "*", lambda text: _OBFUSCATED.sub("<MASK>", text)),
)
_WITH_DIGITS: tuple[Callable[[str], str], ...] = (
    lambda text: _IBAN.sub(_iban, text),
    lambda text: _ACCOUNT.sub("<ACCOUNT>", text),
    lambda text: _PASSPORT_NAMED.sub(r"\1<PASSPORT>", text),
    lambda text: _INN_NAMED.sub(r"\1<INN>", text),
    lambda text: _CARD.sub(_card, text),
    lambda text: _SNILS.sub(_snils, text),
    lambda text: _PHONE.sub("<PHONE>", text),
    lambda text: _PASSPORT.sub("<PASSPORT>", text),
    lambda text: _INN.sub(_inn, text),
    lambda text: _DIGITS.sub(_digits, text),
)
_MANY_DIGITS = re.compile(r"\d(?:\D{0,5}\d){6}")


@dataclass(frozen=True)
class Masker:
    """Masks a raw text. `patterns` are the team's own, as (kind, regular expression), tried first."""

    patterns: tuple[tuple[str, str], ...] = ()

    def __call__(self, text: str) -> str:
        """The text as it is stored: NFC, single spaces within lines, personal data as `<KIND>`."""
        text = defuse(nfc(text))
        for kind, pattern in self.patterns:
            text = re.sub(pattern, f"<{kind.upper()}>", text)
        for signs, mask in _ALWAYS:
            if any(sign in text for sign in signs):
                text = mask(text)
        if _MANY_DIGITS.search(text):
            for mask in _WITH_DIGITS:
                text = mask(text)
        return white_space(text)
