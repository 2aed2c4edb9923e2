"""What a single line of an e-mail is: a header, the introduction of a quotation, the start of a signature.

Languages: Russian, English, Ukrainian, German, and the most common lines of a few more. Every
pattern has bounded repeats only, and lines over 300 characters match none of them.
"""

import re

LONGEST_LINE_CHARS = 300

_DASHES = "-–—* \t\xa0"
_TITLES = (
    r"(?:original (?:message|e?-?mail)|forwarded message|reply message"
    r"|(?:исходное|пересылаемое|пересланное|перенаправленное|переадресованное|оригинальное|первоначальное|цитируемое)"
    r" (?:сообщение|письмо)|(?:начало )?(?:пересылаемого|переадресованного) сообщения"
    r"|(?:вихідне|початкове|оригінальне|переслане|перенаправлене) повідомлення|пераслан\w{1,4} паведамленн\w{1,2}"
    r"|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht"
    r"|message d'origine|message transféré|mensaje original|mensaje reenviado|messaggio originale)"
)
_SEPARATOR = re.compile(rf"[-_=*–—]{{2,60}}[ \t]{{0,5}}{_TITLES}[ \t]{{0,5}}[-_=*–—]{{0,60}}", re.IGNORECASE)
_BARE_TITLE = re.compile(rf"(?:{_TITLES}):?", re.IGNORECASE)
_APPLE_FORWARD = re.compile(
    r"(?:begin forwarded message|начало (?:переадресованного|пересылаемого) сообщения"
    r"|початок переспрямованого (?:повідомлення|листа)|anfang der weitergeleiteten (?:nachricht|e-mail)):",
    re.IGNORECASE,
)
_FORWARD_END = re.compile(
    r"[-_=*–—]{2,60}[ \t]{0,5}(?:конец|завершение) (?:пересылаемого|переадресованного) сообщения\b.{0,60}"
    r"|[-_=*–—]{2,60}[ \t]{0,5}end (?:of )?forwarded message\b.{0,60}",
    re.IGNORECASE,
)
_REPLY_ABOVE = re.compile(
    r"[-#_=* ]{0,10}(?:please )?"
    r"(?:type your reply|reply|write|(?:пожалуйста, )?(?:введите|пишите|напишите) (?:свой )?ответ)"
    r" (?:above|выше) (?:this|этой) (?:line|строки|линии)[-#_=* .]{0,10}",
    re.IGNORECASE,
)
_RULE = re.compile(r"_{10,200}")

_HEADER = re.compile(r"\*{0,2}([^\W\d_][\w \-]{0,20}):\*{0,2}[ \t]*(.*)")
_HEADER_KINDS = {
    "from": "from|от|от кого|von|від|ад|de|da",
    "date": "sent|date|отправлено|дата|gesendet|datum|надіслано|адпраўлена|envoyé|enviado|inviato|fecha",
    "to": "to|кому|an|à|para|каму",
    "subject": "subject|тема|betreff|objet|asunto|oggetto|тэма",
    "": "cc|bcc|copy|копия|копія|скрытая копия|kopie|reply-to|reply to|importance|важность|attachments|вложения",
}
_KIND_OF_HEADER = {name: kind for kind, names in _HEADER_KINDS.items() for name in names.split("|")}

_OPENING = re.compile(
    r"[\W_]{0,3}(?:\d|(?:on|am|le|el|il|em|op|den|dnia|w dniu|в|во|у)\s"
    r"|(?:пн|вт|ср|чт|пт|сб|вс|нд|mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so)[a-z]{0,6}[.,]"
    r"|(?:понедельник|вторник|сред[ау]|четверг|пятниц[ау]|суббот[ау]|воскресенье"
    r"|понеділок|вівторок|серед[ау]|четвер|п['’ʼ]ятниц[яю]|субот[ау]|неділ[яю])[.,\s])",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)|(?<!\d)\d{1,2}[./]\d{1,2}[./]\d\d(?!\d)")
_TIME = re.compile(r"(?<![\d.])\d{1,2}[:.]\d\d(?![\d.])")
_ADDRESS = re.compile(r"<[^<>\s]{0,100}(?:@|mail|почт)[^<>\s]{0,100}>|\[mailto:|[\w.+\-]{1,64}@\w", re.IGNORECASE)
_WROTE = re.compile(
    r"[+-]\d\d:?\d\d от\b|\b(?:wrote|writes|(?:на)?писал(?:\(-?а\)|а|и)?|пишет"
    r"|сообщил(?:\(а\)|а)?|(?:на)?писа(?:в|ла|в\(ла\))|пише|піша"
    r"|напісаў|жазды|schrieb|schreef|a écrit|escribió|ha scritto|escreveu|skrev|napisał(?:\(a\)|a)?)(?!\w)",
    re.IGNORECASE,
)
_BY_PROGRAM = re.compile(
    r"(?:вы|you|ви|sie) (?:писали|написали|wrote|schrieben)\b.{0,60}:"
    r"|(?:\w[\w.\-]{0,30}[ ,]{1,2}){1,4}(?:на)?писал\(а\):",
    re.IGNORECASE,
)
_MAIL_RU = re.compile(r"\w{5,11}, \d{1,2} \w{3,8} \d{4}, \d{1,2}:\d\d [+-]\d\d:\d\d от .{1,200}", re.IGNORECASE)
_SENTENCE = re.compile(r"[!?]|\w{4}\. ")

_CLOSING = re.compile(
    r"[-–—*\s]{0,5}(?:с (?:глубоким |искренним |большим )?(?:уважением|почтением)|с ув\."
    r"|с (?:наилучшими|лучшими|добрыми) пожеланиями|всего (?:доброго|наилучшего)|искренне ваш\w{0,2}"
    r"|з повагою|з найкращими побажаннями|з павагай|құрметпен"
    r"|(?:(?:with )?(?:best|kind|kindest|warm|many) )?regards|best wishes"
    r"|(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?"
    r"|mit freundlichen gr(?:ü|ue)(?:ß|ss)en|mit besten gr(?:ü|ue)(?:ß|ss)en"
    r"|(?:viele|beste|freundliche|liebe) gr(?:ü|ue)(?:ß|ss)e|mfg|cordialement|saludos)(?!\w)[\s,.;:!–—\-*]*(.*)",
    re.IGNORECASE,
)
_SIGNATURE_OPENINGS = (
    "с ", "всего ", "искренне", "з ", "құрметпен", "with ", "best", "kind", "warm", "many", "regards", "yours",
    "sincerely", "faithfully", "truly", "mit ", "viele", "beste", "freundliche", "liebe", "mfg", "cordialement",
    "saludos", "отправлено", "написано", "sent ", "get ", "надіслано", "адпраўлена", "gesendet", "von ", "envoyé",
    "enviado",
)  # fmt: skip
_JOBS = (
    "директор", "менеджер", "специалист", "руководител", "главн", "генеральн", "ведущ", "старш", "бухгалтер", "инженер",
    "manager", "director",
)  # fmt: skip
_NAME_WORDS = (
    "ваш",
    "клиент",
    "команд",
    "отдел",
    "служб",
    "поддержк",
    "семь",
    "your",
    "team",
    "the",
    "of",
    "von",
    "der",
)
_SMALL_WORDS = frozenset({"и", "к", "по", "вам", "та", "and", "und", "de"})
_MOST_NAME_WORDS = 8

_DEVICE_OPENING = re.compile(
    r"[-–—\s]{0,5}(?:отправлено (?:с|со|из|через)|написано (?:с|со|в)|sent (?:from|via|with|using)|get outlook for"
    r"|надіслано (?:з|із|через)|адпраўлена з|gesendet (?:von|mit)|von meinem|envoyé de|enviado desde)\s(.{1,100})",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"(?:iphone|ipad|ios|айфон|android|андроид|samsung|galaxy|huawei|honor|xiaomi|redmi|realme|poco|nokia|blackberry"
    r"|windows|outlook|gmail|yahoo|thunderbird|spark|proton|почт|пошт|mail\b|mail\.ru|яндекс|yandex|rambler|рамблер"
    r"|смартфон|мобильн|мобільн|телефон|устройств|планшет|smartphone|mobile|phone|device|handy|tablet)\w*",
    re.IGNORECASE,
)
_DEVICE_WORDS = re.compile(
    r"мо[ийею]\w{0,3}|мог[оу]|my|meinem|mein|для|на|из|с|и|з|від|for|on|the|via|an?|app|приложени\w{1,2}|застосунк\w{1,2}"
    r"|верси\w{1,2}|личн\w{2,3}|[\d.]{1,3}",
    re.IGNORECASE,
)

_DISCLAIMER = re.compile(
    r"конфиденциал|предназначен|адресат|получател|отправител|уничтож|удалит[ье]|ошибк[еи]|ошибочно|вложени|оферт"
    r"|несанкционирован|распространени|подумайте об|окружающ|распечат|вирус|конфіденц|одержувач"
    r"|confidential|privileged|intended|recipient|addressee|disclos|unauthori[sz]ed|delete|in error|disclaimer"
    r"|environment|print|virus|vertraulich|empfänger|absender",
    re.IGNORECASE,
)
_AFTERTHOUGHT = re.compile(r"(?:p\.? ?s\b|п\.? ?с\b|з\.?ы\b|постскриптум)", re.IGNORECASE)
_QUESTION = re.compile(r"\w[)\"»]{0,2}\?+(?:\s|$)")
_SENTENCE_END = re.compile(r"[a-zа-яёіїєґäöüß]{3}[.!…]{1,3}$")
_FEWEST_PROSE_WORDS = 8


def is_separator(line: str) -> bool:
    """`-----Original Message-----`, `Начало переадресованного сообщения:`; below it all is quoted."""
    if line[:1] in "-_=*–—#":
        return bool(_SEPARATOR.fullmatch(line) or _REPLY_ABOVE.fullmatch(line))
    return line[-1:] == ":" and bool(_APPLE_FORWARD.fullmatch(line))


def is_bare_title(line: str) -> bool:
    """`Исходное сообщение` or a rule of underscores: a separator only if headers or a quotation follow."""
    return bool(_BARE_TITLE.fullmatch(line) or _RULE.fullmatch(line))


def is_forward_end(line: str) -> bool:
    """`-------- Конец пересылаемого сообщения --------`."""
    return line[:1] in "-_=*–—" and bool(_FORWARD_END.fullmatch(line))


def header_kind(line: str) -> str | None:
    """`from`, `date`, `to`, `subject`, or empty for another header; None if the line is not a header."""
    found = _HEADER.fullmatch(line)
    if not found:
        return None
    kind = _KIND_OF_HEADER.get(found[1].strip().lower())
    return None if kind == "date" and not re.search(r"\d", found[2]) else kind


def has_address(line: str) -> bool:
    """Whether a line holds an e-mail address, or what stands in its place: `<EMAIL>`."""
    return bool(_ADDRESS.search(line))


def opens_attribution(line: str) -> bool:
    """Whether a line begins as `On Fri, …`, `пт, 6 февр. …` or `02.02.2026, …` do."""
    return bool(_OPENING.match(line))


def is_attribution(line: str, is_quotation_marked: bool) -> bool:
    """`On …, NAME wrote:` in the forms of mail programs, several lines of a file joined to one.

    If the lines below carry no quotation marks, a mistake would cut all of them: then the line must
    begin with the date, and hold an address, or a time and a verb.
    """
    if len(line) > LONGEST_LINE_CHARS or not line.endswith((":", ">")):
        return False
    if line[-1] == ">":
        return bool(_MAIL_RU.fullmatch(line))
    is_dated = bool(_DATE.search(line))
    if not is_dated and not is_quotation_marked:
        return False
    is_addressed, has_verb = has_address(line), bool(_WROTE.search(line))
    if is_dated and opens_attribution(line) and (is_addressed or (has_verb and _TIME.search(line))):
        return True
    if not is_quotation_marked or _SENTENCE.search(line):
        return False
    return is_addressed + has_verb + is_dated >= 2 or bool(_BY_PROGRAM.fullmatch(line))


def may_sign(line: str) -> bool:
    """Whether a line begins as a closing phrase or a device's line may. Quick: it spares most lines the rest."""
    return line == "--" or line.lstrip(_DASHES).lower().startswith(_SIGNATURE_OPENINGS)


def is_closing(line: str) -> bool:
    """`С уважением,` or `Best regards, Anna Smith`: a closing phrase, and at most a name and a title after it."""
    found = _CLOSING.fullmatch(line)
    if not found:
        return False
    words = found[1].replace(",", " ").split()
    if "?" in found[1] or "!" in found[1] or len(words) > _MOST_NAME_WORDS:
        return False
    if len(words) <= 1:
        return True
    jobs = (n for n, word in enumerate(words) if word.lower().startswith(_JOBS))
    return all(_is_of_name(word) for word in words[: next(jobs, len(words))])


def _is_of_name(word: str) -> bool:
    lowered = word.lower()
    return lowered != word or not word[0].isalpha() or lowered in _SMALL_WORDS or lowered.startswith(_NAME_WORDS)


def is_device(line: str) -> bool:
    """`Отправлено с iPhone`, `Sent from my Galaxy`, and not `Отправлено с телефона 5000 рублей`."""
    found = _DEVICE_OPENING.fullmatch(line)
    if not found or not _DEVICE.search(found[1]):
        return False
    words = [word.strip('.,()<>«»"') for word in re.split(r"[\s\-]+", found[1])]
    return all(not word or _is_of_device(word) for word in words)


def _is_of_device(word: str) -> bool:
    is_latin_name = word[0].isascii() and word[0].isupper()
    return bool(is_latin_name or "://" in word or _DEVICE.match(word) or _DEVICE_WORDS.fullmatch(word))


def is_disclaimer(paragraph: str) -> bool:
    """Whether a paragraph reads like the legal notice below a signature: at least two of its words occur."""
    return len({found[0].lower() for found in _DISCLAIMER.finditer(paragraph)}) >= 2


def is_speech(paragraph: list[str]) -> bool:
    """Whether lines below a signature say something: a P.S., a question, or a sentence of eight words."""
    text = " ".join(paragraph)
    if is_disclaimer(text):
        return False
    if _AFTERTHOUGHT.match(text) or _QUESTION.search(text):
        return True
    n_plain = sum(word[0].isalpha() and word == word.lower() for word in text.split())
    return n_plain >= _FEWEST_PROSE_WORDS and any(_SENTENCE_END.search(line[-6:]) for line in paragraph)
