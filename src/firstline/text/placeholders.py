"""Placeholders: what an export has obfuscated already (`XXXX`, `****`, `<phone>`, `[ФИО]`) becomes a mask."""

import re

_OBFUSCATED_PARTS = ("**", "xx", "хх", "xх", "хx")  # in Latin, in Cyrillic, and mixed
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
    "BIRTHDATE": "birthdate birth_date date_of_birth dob дата_рождения",
    "SUM": "sum amount money сумма",
    "CONTRACT": "contract договор номер_договора",
    "CODE": "code код otp",
    "LOGIN": "login логин user",
    "HANDLE": "handle username ник никнейм",
    "PASSWORD": "password пароль",
    "IP": "ip ip_address ip_адрес айпи",
    "DIGITS": "digits number num номер цифры",
    "MASK": "mask masked hidden removed redacted скрыто удалено маска",
}
_KIND_BY_NAME = {name: kind for kind, names in _KIND_NAMES.items() for name in names.split()}
_KIND_SHAPE = re.compile(r"[^\W\d_]\w{2,31}")
# What people shout in brackets, at the head of a subject above all, hides nothing.
_SHOUTED_WORDS = (
    "важно срочно внимание информация инфо вопрос ответ ошибка проблема жалоба заявка тема спам реклама"
    " внешнее внешний повторно повтор решено закрыто открыто новое новый тест цитата конец начало фото"
    " видео файл вложение картинка изображение скриншот аудио стикер голосовое_сообщение сарказм ирония"
    " шутка капс да нет important urgent attention info information question answer error problem"
    " complaint issue bug fix request topic spam external internal ext solved closed open new test quote"
    " end begin start photo image picture img video file attachment screenshot audio sticker voice gif"
    " caps caps_lock capslock upd update edit note todo fyi wip done warning read read_more more here"
    " click_here unsubscribe sic joke sarcasm yes not"
)
_SHOUTED = frozenset(_SHOUTED_WORDS.split())


def mask_bracketed(text: str) -> str:
    """The text with `<PHONE>` for `[телефон]` and `<ГОРОД>` for `[ГОРОД]`; `[ВАЖНО]` stays."""
    return _BRACKETED.sub(_bracketed, text)


def mask_obfuscated(text: str, lowered: str) -> str:
    """The text with `<MASK>` for what stars and crosses hide; `lowered` is the text in lower case."""
    if any(map(lowered.__contains__, _OBFUSCATED_PARTS)):
        return _OBFUSCATED.sub(_obfuscated, text)
    return text


def _bracketed(match: re.Match[str]) -> str:
    written = (match[1] or match[2]).strip()
    name = re.sub(r"[\s\-]+", "_", written)
    lowered = name.lower()
    kind = _KIND_BY_NAME.get(re.sub(r"_?\d+$", "", lowered)) or _KIND_BY_NAME.get(written.lower())
    if kind:
        return f"<{kind}>"
    if match[2] and lowered in _SHOUTED:
        return match[0]
    if _KIND_SHAPE.fullmatch(name) and name == name.upper() and name != name.lower():
        return f"<{name}>"
    return match[0]


def _obfuscated(match: re.Match[str]) -> str:
    hidden, word = match[0], ""
    if match.string[match.end() : match.end() + 1].isalpha():  # a word begins or goes on here: `**** хххорошо`
        start = len(hidden.rstrip(_HIDDEN_SIGNS).rstrip(_BETWEEN_SIGNS))
        hidden, word = hidden[:start], hidden[start:]
    return "<MASK>" + word if _SURELY_OBFUSCATED.search(hidden) else match[0]
