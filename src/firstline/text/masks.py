"""Masking: personal data becomes `<KIND>` before a message is stored or answered.

Applied to raw text only, at import, at evaluation and in the service, always by this one copy.
What an export has obfuscated already (`XXXX`, `****`, `<phone>`, `[ФИО]`) becomes a mask too, so
that a model sees one spelling. A kind is upper case; the rule `masks` makes a token of each.
"""

import re
from dataclasses import dataclass

from firstline.text.check_digits import iban
from firstline.text.long_numbers import RUN, mask_long_numbers
from firstline.text.rules import nfc, white_space
from firstline.text.tokens import defuse

MASKS_VERSION = "masks.v1"

_MASK = re.compile(r"(<[^\W\d_]\w{1,31}>)")
_HAS_LINK = re.compile(r"[^\W_]\.[^\W\d_]|://")
_LINK = re.compile(
    r"(?:(?:https?|ftp)://|(?<![a-z0-9.@\-])www\.)[^\s<>\"»]*[^\s<>\"».,:;!?)\]]"
    r"|(?<![\w.@+%*\-])(?:[^\W_][\w\-]{0,62}+\.)+"
    r"(?:ru|рф|рус|com|net|org|su|me|io|info|by|kz|uz|ua|bank|online|site|app|biz|shop|pro)"
    r"(?![\w\-@]|\.\w)(?:/(?:[^\s<>\"»]*[^\s<>\"».,:;!?)\]])?)?",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~\-])[\w.!#$%&'*+/=?^`{|}~\-]++@(?=[\d.\-]*+[^\W\d]|\*)[\w*\-]++(?:\.[\w*\-]++)*+"
)
_IBAN = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{0,30}+(?:[ \-][A-Za-z0-9]{1,30}+){0,8}+(?![A-Za-z0-9])"
)
_HAS_SIX_DIGITS = re.compile(r"\d{6}")
_HAS_THREE_DIGITS = re.compile(r"[ :=\-–]\d{3,6}(?!\w)")
_PASSPORT = re.compile(r"(?<!\d)\d\d[ \-]?\d\d[ ,.]{0,2}(?:№|номер|ном\b|no?\b)[ .:№]{0,3}\d{6}(?!\d)", re.IGNORECASE)

_CARD_REST = re.compile(
    r"<CARD>[ ,;/]{1,3}(?:до |срок )?(?:0[1-9]|1[0-2])[/.]\d\d(?!\d)(?:[ ,;/]{1,3}\d{3}(?!\d))?", re.IGNORECASE
)
_CODE = re.compile(
    r"(?<!\w)(?:((?:cvv2?|cvc2?|цвв)[ :=\-–]{1,3})\d{3}|((?:пин(?:[ \-]?код\w{0,3})?|pin(?:[ \-]code)?|otp|парол[ья]"
    r"|(?:смс|sms)(?:[ \-]код)?|код(?:а|ом)?(?: (?:из )?(?:смс|sms))?(?: подтверждения)?)[ :=\-–]{1,3})\d{4,6})"
    r"(?!\w|[.,]\d)",
    re.IGNORECASE,
)
_HAS_OBFUSCATED = re.compile(r"\*\*|[XxХх]{2}")
_HIDDEN = r"\d{0,6}(?:\*{2}|[XxХх]{2})[\d*XxХх]*+"
_OBFUSCATED = re.compile(
    r"(?<![\w*])"
    r"(?:(?:\+\d{1,3}|[78])[ (\-–]{0,3}(?:\d{3,5}[ )\-–]{1,3}(?:\d{3}[ \-–])?)?|\d{4}[ \-–])?"
    rf"{_HIDDEN}(?:[ ().\-–]{{1,3}}{_HIDDEN})*+"
    r"(?:[ \-–)]{1,2}\d{3,4}(?!\d)|(?:[ \-–]\d\d){1,2}(?!\d))?"
)
_SURELY_OBFUSCATED = re.compile(
    r"\*{3}|[XХ]{3}|[xх]{4}|\d(?:\*{2}|[xх]{2,})\d|(?:\*\*|[XХ]{2})[ ().\-–]{1,3}\d{0,6}(?:\*\*|[XХ]{2})"
)
_HIDDEN_SIGNS = "0123456789*XxХх"
_BETWEEN_SIGNS = " ().-–"
_BRACKETED = re.compile(r"<([^<>\n]{1,40})>|\[([^<>\[\]\n]{1,40})\]")
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
_KIND_SHAPE = re.compile(r"[^\W\d_]\w{2,31}")


@dataclass(frozen=True)
class Masker:
    """Masks a raw text. `patterns` are the team's own, as (kind, regular expression), tried first.

    They see the text in NFC, with single spaces, and never what is a mask already.
    """

    patterns: tuple[tuple[str, str], ...] = ()

    def __call__(self, text: str) -> str:
        """The text as it is stored: NFC, on one line, personal data as `<KIND>`. Masking it again changes nothing."""
        text = nfc(white_space(text))
        for kind, pattern in self.patterns:
            text = _mask_own(text, pattern, f"<{kind.upper()}>")
        # What one kind takes away can lay bare the edge of another: as often as anything is found.
        # U+0338 strikes out the sign before it: `>` would no longer close its mask.
        while (masked := defuse(_mask_once(text)).replace(">\u0338", "> \u0338")) != text:
            text = masked
        return white_space(text) if self.patterns else text


def without_masks(text: str) -> str:
    """What of a masked text its writer wrote."""
    return "".join(_MASK.split(text)[::2])


def masks_in(text: str) -> list[str]:
    """The kinds of the masks in a masked text, in their order: `PHONE`, `CARD`."""
    return [mask[1:-1] for mask in _MASK.split(text)[1::2]]


def _mask_own(text: str, pattern: str, mask: str) -> str:
    parts = _MASK.split(text)
    parts[::2] = [re.sub(pattern, lambda found: mask if found[0] else "", part) for part in parts[::2]]
    return "".join(parts)


def _mask_once(text: str) -> str:
    if "<" in text or "[" in text:
        text = _BRACKETED.sub(_bracketed, text)
    if _HAS_LINK.search(text):
        text = _LINK.sub("<LINK>", text)
    if "@" in text:
        text = _EMAIL.sub("<EMAIL>", text)
    if _HAS_OBFUSCATED.search(text):
        text = _OBFUSCATED.sub(_obfuscated, text)
    if _HAS_SIX_DIGITS.search(text):
        text = _PASSPORT.sub("<PASSPORT>", text)
    if RUN.search(text):
        text = mask_long_numbers(_IBAN.sub(_iban, text))
    if "<CARD>" in text:
        text = _CARD_REST.sub("<CARD>", text)
    return _CODE.sub(r"\1\2<CODE>", text) if _HAS_THREE_DIGITS.search(text) else text


def _bracketed(match: re.Match[str]) -> str:
    written = (match[1] or match[2]).strip()
    name = re.sub(r"[\s\-]+", "_", written)
    kind = _KIND_BY_NAME.get(re.sub(r"_?\d+$", "", name.lower())) or _KIND_BY_NAME.get(written.lower())
    if kind:
        return f"<{kind}>"
    if _KIND_SHAPE.fullmatch(name) and name == name.upper() and name != name.lower():
        return f"<{name}>"
    return match[0]


def _obfuscated(match: re.Match[str]) -> str:
    hidden, word = match[0], ""
    if match.string[match.end() : match.end() + 1].isalpha():  # a word begins or goes on here: `**** хххорошо`
        start = len(hidden.rstrip(_HIDDEN_SIGNS).rstrip(_BETWEEN_SIGNS))
        hidden, word = hidden[:start], hidden[start:]
    return "<MASK>" + word if _SURELY_OBFUSCATED.search(hidden) else match[0]


def _iban(match: re.Match[str]) -> str:
    """The longest beginning that is an IBAN: a word may follow it."""
    end = len(match[0])
    while end > 0:
        if iban(re.sub(r"[ \-]", "", match[0][:end])):
            return "<IBAN>" + match[0][end:]
        end = max(match[0].rfind(" ", 0, end), match[0].rfind("-", 0, end))
    return match[0]
