"""Codes: what a bank tells its customers to tell nobody. `код 1000 рублей` and `код 1234 ошибки` are none."""

import re

_GAP = r"[ :=\-–—]{1,3}"
_NOT_A_CODE = (
    r"(?!\w|[.,:/]\d| ?(?:р(?:\b|уб)|₽|\$|€|%|т\.? ?р\b|тыс|тг\b|тенге|сум|грн|гривен|usd|eur"
    r"|dollar|доллар|евро|бонус|балл|ошиб|error|шт\b|раза?\b|год))"
)
_DIGITS = r"(?:\d{4,8}|\d{3}[ \-]\d{3}|\d\d[ \-]\d\d(?:[ \-]\d\d)?)"
_CARD_CODE = re.compile(
    r"(?<![^\W\d_])((?:cvv2?|cvc2?|cvn|цвв|цвц|свв"
    r"|(?:код|цифры|цифрами|code|digits)(?: (?:карты|безопасности))? (?:на|с|со|on the)"
    r" (?:обороте|оборота|обратной стороны|обратной стороне|back)(?: карты)?|код безопасности|security code)"
    rf"(?: (?:карты|код|code|is))?{_GAP})\d{{3,4}}{_NOT_A_CODE}",
    re.IGNORECASE,
)
_SENT = (
    r"(?:(?:из |в |по |from (?:the )?)?(?:смс|sms|push|пуш|сообщени[яие]|уведомлени[яие]|text)"
    r"|подтверждения|доступа|авторизации|входа|верификации|активации)"
)
_SECRET_CODE = re.compile(
    r"(?<![^\W\d_])((?:пин(?:[ \-]?код\w{0,3})?|pin(?:[ \-]?code)?|otp|тан[ \-]?код"
    r"|(?:смс|sms|пуш|push)[ \-]?(?:код\w{0,2}|code|парол\w{1,2})"
    rf"|смс|sms|(?:код(?:а|ом|у|ы)?|code|парол(?:ь|я|ем|и)) {_SENT}(?: {_SENT})?"
    r"|(?:одноразовы\w{1,2}|проверочны\w{1,2}|секретны\w{1,2}|приш[её]л|прислал[аи]?"
    r"|verification|security|one[ \-]time|access|authori[sz]ation|confirmation|login|sms)"
    r" (?:мне |вам )?(?:код\w{0,2}|парол\w{1,2}|code|password|passcode))"
    rf"(?: (?:is|это|от карты|карты|такой|пришел|пришёл|был))?{_GAP}){_DIGITS}{_NOT_A_CODE}",
    re.IGNORECASE,
)
_LONG_CODE = re.compile(
    rf"(?<![^\W\d_])((?:код(?:а|ом)?|code){_GAP})(?:\d{{5,8}}|\d{{3}}[ \-]\d{{3}}(?![ \-]\d)){_NOT_A_CODE}",
    re.IGNORECASE,
)
_SHORT_CODE = re.compile(rf"(?<![^\W\d_])((?:код(?:а|ом)?|code){_GAP})\d{{4}}{_NOT_A_CODE}", re.IGNORECASE)
_TOLD = re.compile(
    r"смс|sms|подтвержд|присла|приш[её]?л|приходит|ввод|ввест|вв[её]л|введ|сообщил|назва[лт]|продиктова|одноразов|мошенник"
    r"|confirm|enter|sent|told",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"(?<![^\W\d_])((?:парол[ьяюие]{1,2}|password|passwd|passcode|pwd|pass|passphrase)"
    r"(?: (?:от|к|для|на|в|for|to) \w{1,20}(?: \w{1,12})??)?"
    r"(?: (?:is|это|мой|был|такой|тоже))?(?: ?[:=] ?| (?:[\-–—] )?))"
    r"([^\s<>\"«»,;]{4,64})",
    re.IGNORECASE,
)
_MEMORABLE = re.compile(
    r"(?<![^\W\d_])([Кк]одов\w{2,3} слов\w{1,2}(?: (?:карты|мо[её]|это|у меня|для входа))?"
    r"(?: ?[:=] ?| [\-–—] | )[\"«']?)"
    r"([^\W\d_]{2,32}(?:\d{1,4})?|\d{2,8})"
)
_CARD_REST = re.compile(
    r"<CARD>[ ,;./\-–]{1,3}(?:(?:и |с )?(?:срок\w{0,2}(?: действия)?(?: карты)?|действ\w{0,10}|годна|годен"
    r"|exp\w{0,8}|valid)"
    r"(?: (?:до|thru|till|to|until))?\.?[ :]{1,3}|до )?"
    r"(?:0[1-9]|1[0-2]) ?[/.\-] ?(?:20)?\d\d(?!\d)(?:[ ,;/]{1,3}(?:(?:cvv2?|cvc2?|цвв|код)[ :]{1,2})?\d{3}(?!\d))?",
    re.IGNORECASE,
)
_CARD_END = re.compile(
    r"(?<![^\W\d_])((?:карт(?:а|ы|е|у|ой|очк\w{1,2})|сч[её]т\w{0,2}|card|visa|виз[аыу]|мир|mastercard"
    r"|maestro|account)[ №:,]{1,3})"
    r"(?:(?:[*•·.…#]{1,4}|[xXхХ]{1,4}) ?\d{4}"
    r"|(?:(?:с )?(?:последни\w{1,2}|конечны\w{1,2}) (?:4 |четыре )?(?:цифр\w{0,3})|(?:ending|ends) (?:in|with)"
    r"|(?:заканчива\w{3,7}|оканчива\w{3,7})(?: на)?)[ :]{1,2}\d{4})(?!\d|[.,]\d)",
    re.IGNORECASE,
)
_FOUR_DIGITS = re.compile(r"\d{4}(?<!\d{5})(?!\d)")
_CARD_WORDS = ("карт", "счет", "счёт", "card", "виз", "visa", "мир", "maestro", "account")
_AFTER_DIGITS = re.compile(_NOT_A_CODE)
_NO_WORDS = frozenset(
    ("не", "забыл", "забыла", "неверное", "нужно", "надо", "на", "от", "для", "по", "и", "или", "есть", "это")
)
_CODE_WORDS = (
    "код",
    "code",
    "цифр",
    "cv",
    "цвв",
    "цвц",
    "свв",
    "digits",
    "пин",
    "pin",
    "otp",
    "парол",
    "смс",
    "sms",
    "pass",
)


def mask_codes(text: str, lowered: str) -> str:
    """The text, which has two digits in a row, with `<CODE>`, and with `<MASK>` for the end of a card's number.

    `lowered` is the text in lower case.
    """
    if "<CARD>" in text:
        text = _CARD_REST.sub("<CARD>", text)
    if _FOUR_DIGITS.search(text) and any(map(lowered.__contains__, _CARD_WORDS)):
        text = _CARD_END.sub(r"\1<MASK>", text)
    if not any(map(lowered.__contains__, _CODE_WORDS)):
        return text
    text = _CARD_CODE.sub(r"\1<CODE>", text)
    text = _SECRET_CODE.sub(r"\1<CODE>", text)
    text = _LONG_CODE.sub(r"\1<CODE>", text)
    return _SHORT_CODE.sub(r"\1<CODE>", text) if _TOLD.search(text) else text


def mask_passwords(text: str, lowered: str) -> str:
    """The text with `<PASSWORD>` for passwords and memorable words."""
    if "парол" in lowered or "pass" in lowered or "pwd" in lowered:
        text = _PASSWORD.sub(_password, text)
    return _MEMORABLE.sub(_memorable, text) if "кодов" in lowered else text


def _password(match: re.Match[str]) -> str:
    """A password has a digit, or signs that no word has: `пароль не подходит` is prose."""
    written = match[2].rstrip(".!?)")
    if written.isdigit():
        rest = match.string[match.start(2) + len(written) :]
        is_secret = 4 <= len(written) <= 12 and bool(_AFTER_DIGITS.match(rest))
    else:
        letters = [char for char in written if char.isalpha()]
        is_secret = bool(letters) and (
            any(map(str.isdigit, written))
            or any(char in "!@#$%^&*_+=?" for char in written)
            or any(char.isupper() and char.isascii() for char in written[1:]) != written.isupper()
        )
    return f"{match[1]}<PASSWORD>{match[2][len(written) :]}" if is_secret and len(written) >= 4 else match[0]


def _memorable(match: re.Match[str]) -> str:
    """Without a colon or a quote, only a capital letter tells a memorable word from the sentence that goes on."""
    is_named = match[1].rstrip()[-1] in ":=-–—\"«'"
    word = match[2]
    is_secret = word.lower() not in _NO_WORDS and (is_named or word[0].isupper() or word[0].isdigit())
    return f"{match[1]}<PASSWORD>" if is_secret else match[0]
